"""The tables of the TOML files, and the kinds of value that a field can have. Pure: no file, no clock, no network."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, NewType

from msgspec import Meta

Slug = Annotated[str, Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Text = Annotated[str, Meta(min_length=1)]
Years = Annotated[int, Meta(ge=1)]
Percent = Annotated[int, Meta(ge=1, le=100)]
Minor = Annotated[int, Meta(ge=1, le=2**53)]
"""An amount of money in the smallest unit of its currency: 100 is one euro, or a hundred yen."""

Area = NewType("Area", str)
"""A jurisdiction or a group of them (`EU`), as written; `members` of its owner has the jurisdictions."""

Currency = NewType("Currency", str)
"""An ISO 4217 code of three letters."""

Fault = tuple[str, str]
"""A field and why its value is refused."""

WHEN_ABSENT = "when_absent"
"""The key of a field's metadata under which stands what to say when it is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(ABC):
    """One TOML table. Each field is named as in the file."""

    @abstractmethod
    def faults(self) -> Iterable[Fault]:
        """What is wrong between its fields; nothing, in a table that the loader let through."""
