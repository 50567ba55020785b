"""What a regime says, as values. Pure: no file, no clock, no network.

Each field is named as in the TOML files. `faults` are the rules between the fields of one table; the loader refuses a table that
has any, so a value that came from `load_registry` has none.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from shared.ids import WORLDWIDE, Jurisdiction
from shared.jurisdictions import covers, expand, overlaps
from shared.registry.duty import Duty, DutyKind
from shared.registry.penalty import Penalty
from shared.registry.table import Area, Fault, Slug, Table, Text

Category = Annotated[str, Meta(pattern="^STATEMENT_CATEGORY_[A-Z_]+$")]
"""Of illegal content, in the words of the DSA Transparency Database."""

NOT_SPECIFIED = "STATEMENT_CATEGORY_NOT_SPECIFIED_NOTICE"


class Intake(StrEnum):
    """What becomes of the items of a new directive: complied with at once, or left undecided for people."""

    COMPLY = "comply"
    DECIDE = "decide"


class Label(StrEnum):
    """What users are told stands behind a withholding."""

    LEGAL_DEMAND = "legal_demand"
    LOCAL_LAW = "local_law"


class UserNotice(StrEnum):
    """Whether those affected may be told: at once, once somebody says so, or not at all. An order may say otherwise."""

    ALLOWED = "allowed"
    DELAYED = "delayed"
    FORBIDDEN = "forbidden"


class Element(StrEnum):
    """What an order may have to carry to be complete."""

    STATEMENT_OF_REASONS = "statement_of_reasons"
    PROVISION = "provision"
    REDRESS = "redress"
    LANGUAGE = "language"
    DOCUMENT = "document"
    EXACT_LOCATION = "exact_location"
    ISSUING_OFFICER = "issuing_officer"
    CONTACT = "contact"
    FEEDBACK_CONTACT = "feedback_contact"
    SIGNATURE = "signature"
    DATE_AND_TIME = "date_and_time"
    SOURCE_OF_ILLEGALITY = "source_of_illegality"


class IfMissing(StrEnum):
    """What the platform does with an order that lacks the element."""

    CLARIFY = "clarify"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement(Table):
    """One element without which an order is not complete."""

    element: Element
    if_missing: IfMissing
    verified: bool
    source: Text

    def faults(self) -> tuple[Fault, ...]:
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalBasis(Table):
    """One version of a provision that orders may cite.

    `confidential` and `user_notice` are the defaults for its directives, not statements about one of them.
    """

    id: Slug
    jurisdiction: Area
    instrument: Text
    section: Text
    title: Text
    issued_by: Text
    in_force_from: date
    in_force_to: date | None = None
    label: Label
    confidential: bool
    user_notice: UserNotice
    intake: Intake
    interim: bool
    confirm_within: timedelta | None = None
    verified: bool
    source: Text
    statement_category: Category = NOT_SPECIFIED
    required: tuple[Requirement, ...] = ()
    duties: tuple[Duty, ...] = ()
    penalties: tuple[Penalty, ...] = ()

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
        for index in _repeated((each.duty, each.trigger) for each in self.duties):
            yield f"duties[{index}]", f"a second {self.duties[index].duty} duty from {self.duties[index].trigger}"
        for index in _repeated(each.element for each in self.required):
            yield f"required[{index}]", f"a second requirement of {self.required[index].element}"
        for index in _repeated(each.provision for each in self.penalties):
            yield f"penalties[{index}]", f"a second penalty of {self.penalties[index].provision}"

    def _interim_faults(self) -> Iterator[Fault]:
        """An interim basis has one lapse duty, as long as `confirm_within`; no other basis has either."""
        if self.interim != (self.confirm_within is not None):
            yield "confirm_within", "belongs to interim = true, and only there"
        lapses = [each.duration for each in self.duties if each.duty is DutyKind.LAPSE]
        if lapses != ([self.confirm_within] if self.interim else []):
            yield "duties", "interim = true needs one lapse duty, as long as confirm_within; no other basis has one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """A legal basis through time: its versions in the order of their dates. No two are in force on one day; there may be gaps."""

    id: str
    versions: tuple[LegalBasis, ...]

    @property
    def latest(self) -> LegalBasis:
        return self.versions[-1]

    @property
    def jurisdiction(self) -> Area:
        return self.latest.jurisdiction

    @property
    def validity(self) -> str:
        """When it is in force, in words: "from 2017-10-01 to 2024-05-13"."""
        return ", ".join(
            f"from {each.in_force_from}" + (f" to {each.in_force_to}" if each.in_force_to else "") for each in self.versions
        )

    def on(self, day: date) -> LegalBasis | None:
        """The one version in force on that day, or None."""
        return next((each for each in self.versions if each.in_force_on(day)), None)


class AuthorityType(StrEnum):
    """What kind of body an authority is; forms that others keep ask for it."""

    GOVERNMENT = "government"
    COURT = "court"
    LAW_ENFORCEMENT = "law_enforcement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority(Table):
    """Who may order, and where. `worldwide` is a permission of its own and widens nothing but the order for everywhere, `XX`."""

    id: Slug
    name: Text
    type: AuthorityType = AuthorityType.GOVERNMENT
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

    legal_bases: Mapping[str, Regime]
    authorities: Mapping[str, Authority]

    def basis(self, id_: str, at: datetime) -> LegalBasis | None:
        """The version that judges an order issued then, by its day in UTC. None if there is none that day, or no such id."""
        regime = self.legal_bases.get(id_)
        return regime.on(at.astimezone(UTC).date()) if regime else None


def deadline(basis: LegalBasis, kind: DutyKind, *, issued_at: datetime, received_at: datetime) -> datetime | None:
    """The instant by which the duty falls due. None if there is no fixed time from receipt or issue, or only an unverified one:
    a wrong deadline is worse than none, so that it is never a default."""
    duties = [each for each in basis.duties if each.duty is kind and each.verified]
    starts = [(each, each.started(issued_at=issued_at, received_at=received_at)) for each in duties]
    dues = [duty.due(started) for duty, started in starts if started is not None]
    return min((due for due in dues if due is not None), default=None)


def _repeated(values: Iterable[Hashable]) -> Iterator[int]:
    """The places of the values that stood there before."""
    seen = set[Hashable]()
    for index, value in enumerate(values):
        if value in seen:
            yield index
        seen.add(value)
