"""The types of fields that several events have."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from shared.ids import Jurisdiction, Target

Instant = Annotated[datetime, Meta(tz=True)]
Ordinal = Annotated[int, Meta(ge=1, le=2**53)]
"""Versions and revisions: they start at 1, and every JSON reader can hold them."""
Place = Annotated[Jurisdiction, Meta(pattern="^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
Canonical = Annotated[Target, Meta(pattern="^(account|post|hashtag|url):.", max_length=2100)]
Text = Annotated[str, Meta(max_length=10_000)]
