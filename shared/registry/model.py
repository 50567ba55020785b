"""What a regime says, as values. Pure: no file, no clock, no network.

Each field is named as in the TOML files. `faults` are the rules between the fields of one table; the loader refuses a table that
has any, so a value that came from `load_registry` has none.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, NewType

from msgspec import Meta

from shared.ids import WORLDWIDE, Jurisdiction
from shared.jurisdictions import covers, expand, overlaps

Slug = Annotated[str, Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Text = Annotated[str, Meta(min_length=1)]
Years = Annotated[int, Meta(ge=1)]
Percent = Annotated[int, Meta(ge=1, le=100)]

Area = NewType("Area", str)
"""A jurisdiction or a group of them (`EU`), as written; `members` of its owner has the jurisdictions."""

Fault = tuple[str, str]
"""A field and why its value is refused."""


class DutyKind(StrEnum):
    ACK = "ack"
    RESTRICT = "restrict"
    REPLY = "reply"
    INFORM_USER = "inform_user"
    RETAIN = "retain"
    LAPSE = "lapse"


class Trigger(StrEnum):
    """What starts a clock: receipt or issue of the directive, or of a later clarification or notice."""

    RECEIPT = "receipt"
    ISSUE = "issue"
    CLARIFICATION = "clarification"
    NOTICE = "notice"


class Intake(StrEnum):
    """What becomes of the items of a new directive: complied with at once, or left undecided for people."""

    COMPLY = "comply"
    DECIDE = "decide"


class Label(StrEnum):
    """What users are told stands behind a withholding."""

    LEGAL_DEMAND = "legal_demand"
    LOCAL_LAW = "local_law"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(ABC):
    """One TOML table."""

    @abstractmethod
    def faults(self) -> Iterable[Fault]:
        """What is wrong between its fields; nothing, in a table that the loader let through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty(Table):
    """One clock: either of fixed length, or set by the order itself (`in_order`), never both.

    A duty that is not `verified` is to be shown as such; no breach follows from it.
    """

    duty: DutyKind
    trigger: Trigger
    verified: bool
    source: Text
    duration: timedelta | None = None
    in_order: bool = False
    note: Text | None = None

    def faults(self) -> Iterator[Fault]:
        if self.in_order and self.duration is not None:
            yield "duration", "the order sets the time (in_order = true), so no duration may stand beside it"
        if not self.in_order and self.duration is None:
            yield "duration", "missing; write a duration, or in_order = true if the order sets the time"

    def due(self, *, issued_at: datetime, received_at: datetime) -> datetime | None:
        """When the time is up. None if the order sets the time, or a later clarification or notice starts it."""
        started = {Trigger.RECEIPT: received_at, Trigger.ISSUE: issued_at}.get(self.trigger)
        return None if started is None or self.duration is None else started + self.duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalty(Table):
    """What a provision threatens, never what anyone owes."""

    at_risk: Text
    provision: Text
    verified: bool
    source: Text
    imprisonment_years_max: Years | None = None
    fine: Text | None = None
    turnover_percent_max: Percent | None = None

    def faults(self) -> Iterator[Fault]:
        if self.imprisonment_years_max is None and self.fine is None and self.turnover_percent_max is None:
            yield "fine", "a penalty needs imprisonment_years_max, fine or turnover_percent_max"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalBasis(Table):
    """A provision that orders may cite. `confidential` is the default for its directives, not a statement about one of them."""

    id: Slug
    jurisdiction: Area
    instrument: Text
    section: Text
    title: Text
    in_force_from: date
    in_force_to: date | None = None
    label: Label
    confidential: bool
    intake: Intake
    interim: bool
    confirm_within: timedelta | None = None
    verified: bool
    source: Text
    duties: tuple[Duty, ...] = ()
    penalty: Penalty | None = None

    @property
    def members(self) -> tuple[Jurisdiction, ...]:
        return expand([self.jurisdiction])

    def in_force_on(self, day: date) -> bool:
        """Whether the provision applies on that day; the first and the last day are within."""
        return self.in_force_from <= day and (self.in_force_to is None or day <= self.in_force_to)

    def faults(self) -> Iterator[Fault]:
        if self.in_force_to is not None and self.in_force_to < self.in_force_from:
            yield "in_force_to", f"{self.in_force_to} is before in_force_from, {self.in_force_from}"
        yield from self._interim_faults()
        seen = set[tuple[DutyKind, Trigger]]()
        for number, each in enumerate(self.duties):
            if (each.duty, each.trigger) in seen:
                yield f"duties[{number}]", f"a second {each.duty} duty from {each.trigger}"
            seen.add((each.duty, each.trigger))

    def _interim_faults(self) -> Iterator[Fault]:
        """An interim basis has one lapse duty, as long as `confirm_within`; no other basis has either."""
        if self.interim != (self.confirm_within is not None):
            yield "confirm_within", "belongs to interim = true, and only there"
        lapses = [each.duration for each in self.duties if each.duty is DutyKind.LAPSE]
        if lapses != ([self.confirm_within] if self.interim else []):
            yield "duties", "interim = true needs one lapse duty, as long as confirm_within; no other basis has one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority(Table):
    """Who may order, and where. `worldwide` is a permission of its own and widens nothing but the order for everywhere, `XX`."""

    id: Slug
    name: Text
    jurisdiction: Area
    legal_bases: tuple[str, ...]
    worldwide: bool

    @property
    def members(self) -> tuple[Jurisdiction, ...]:
        return expand([self.jurisdiction])

    def reaches(self, jurisdiction: Jurisdiction) -> bool:
        """Whether it may order there: its own jurisdiction, a member of its group, or a part of these."""
        if jurisdiction == WORLDWIDE:
            return self.worldwide
        return any(covers(member, jurisdiction) for member in self.members)

    def overlaps(self, basis: LegalBasis) -> bool:
        """Whether the provision is law in some part of where the authority may order."""
        return any(overlaps(ours, its) for ours in self.members for its in basis.members)

    def faults(self) -> Iterator[Fault]:
        if WORLDWIDE in self.members:
            yield "jurisdiction", "worldwide is no jurisdiction of an authority; name its own, with worldwide = true"
        if len(set(self.legal_bases)) < len(self.legal_bases):
            yield "legal_bases", "names a legal basis twice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """All regimes, by id. Whatever an authority names in `legal_bases` is in `legal_bases` here."""

    legal_bases: Mapping[str, LegalBasis]
    authorities: Mapping[str, Authority]


def deadline(basis: LegalBasis, kind: DutyKind, *, issued_at: datetime, received_at: datetime) -> datetime | None:
    """The instant by which the duty falls due, verified or not. None if there is none, or no fixed time from receipt or issue."""
    dues = [each.due(issued_at=issued_at, received_at=received_at) for each in basis.duties if each.duty is kind]
    return min((due for due in dues if due is not None), default=None)


def exposure_text(penalty: Penalty) -> str:
    """What is threatened, in words: "imprisonment up to 7 years and fine". A penalty that is not verified says so."""
    parts = []
    if penalty.imprisonment_years_max is not None:
        parts.append(f"imprisonment up to {_years(penalty.imprisonment_years_max)}")
    if penalty.turnover_percent_max is not None:
        parts.append(f"fine up to {penalty.turnover_percent_max} % of turnover")
    if penalty.fine is not None:
        parts.append(penalty.fine)
    return " and ".join(parts) + ("" if penalty.verified else " (unverified)")


def _years(number: int) -> str:
    return "1 year" if number == 1 else f"{number} years"
