"""What goes wrong with a target."""

SHOWN = 60


class TargetError(ValueError):
    """The input names no target, or not one alone.

    The message is one sentence for a human and never repeats the input, so that it may be logged; `value` is the input
    as a short printable text, for the one who sent it.
    """

    def __init__(self, message: str, value: object) -> None:
        super().__init__(message)
        self.value = _shown(value)


def _shown(value: object) -> str:
    if not isinstance(value, str):
        return type(value).__name__
    return repr(value) if len(value) <= SHOWN else f"{value[:SHOWN]!r}…"
