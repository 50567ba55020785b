"""Figures for the public: a small count can point at the few people behind it, so it is told as a bound."""

SMALL = 10


def public_figure(count: int) -> int | str:
    """The count, or "<10" for one to nine. Nobody is behind a zero, which is told.

    Does not promise: that a small count cannot be computed from a total shown beside it; who shows totals sees to that.
    """
    if count < 0:
        raise ValueError(f"{count} is no count")
    return count if count == 0 or count >= SMALL else f"<{SMALL}"
