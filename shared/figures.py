"""Figures for the public: a small count can point at the few people behind it, so it is told as a bound."""

from collections.abc import Collection, Mapping

SMALL = 10
HIDDEN = "suppressed"
"""What stands for a count that is not small, but from which a small one could be computed."""

Public = int | str

_BOUND = f"<{SMALL}"


def public_figure(count: int) -> Public:
    """The count, or "<10" for one to nine. Nobody is behind a zero, which is told.

    Does not promise: that a small count cannot be computed from a total shown beside it; `public_parts` sees to that.
    """
    if count < 0:
        raise ValueError(f"{count} is no count")
    return count if count == 0 or count >= SMALL else _BOUND


def public_parts(parts: Mapping[str, int], hidden: Collection[str] = ()) -> tuple[dict[str, Public], Public]:
    """The parts of a sum and the sum, so that no small part can be computed from what is shown of this group.

    If a small part could be, the smallest of the others is suppressed as well, and so on; the sum, when no other is left.
    `hidden` are parts that must not be shown for another reason. Does not promise: anything against who solves several groups
    together.
    """
    told = {name: public_figure(count) for name, count in parts.items()}
    told |= dict.fromkeys((name for name in hidden if _open(told.get(name))), HIDDEN)
    others = sorted((count, name) for name, count in parts.items() if _open(told[name]))
    while not safe(parts, told):
        if not others:
            return told, HIDDEN
        told[others.pop(0)[1]] = HIDDEN
    return told, public_figure(sum(parts.values()))


def safe(parts: Mapping[str, int], told: Mapping[str, Public]) -> bool:
    """Whether what is not told of the parts may still be one of several numbers for somebody who knows their sum."""
    small = sum(each == _BOUND for each in told.values())
    others = sum(each == HIDDEN for each in told.values())
    rest = sum(count for name, count in parts.items() if not isinstance(told[name], int))
    if not small:
        return others != 1
    most = min(SMALL - 1, rest - SMALL * others - (small - 1))
    least = 1 if others else max(1, rest - (SMALL - 1) * (small - 1))
    return most > least


def _open(told: Public | None) -> bool:
    """Whether a count is told that somebody is behind."""
    return isinstance(told, int) and told > 0
