"""When what was tried in vain is tried again, on a clock that may be set back."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_

LONGEST = timedelta(minutes=2)
"""No wait is longer. A next try further ahead was set by a clock that has been set back since."""


def is_due(next_try_at: ColumnElement[datetime], now: datetime) -> ColumnElement[bool]:
    return or_(next_try_at <= now, next_try_at > now + LONGEST)
