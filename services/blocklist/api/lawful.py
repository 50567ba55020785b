"""What the law that an order cites makes of it: whether it is complete, when it is due, whether it is complied with at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from services.blocklist.domain.directive import BLOCK, INFORMAL
from services.blocklist.domain.validity import COMPLETE, IfMissing, Verdict, judge
from services.blocklist.schemas import DirectiveIn
from shared.ids import Target, TargetType, type_of
from shared.registry import DutyKind, Element, Intake, LegalBasis, deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """`due_at` is the order's own deadline before that of the law."""

    due_at: datetime | None
    comply_at_intake: bool = False
    interim: bool = False
    lapses_at: datetime | None = None


def terms(sent: DirectiveIn, basis: LegalBasis, received_at: datetime, now: datetime) -> Terms:
    """The law binds official orders to block, and lends an informal request nothing. An unblock is neither interim nor due."""
    if sent.channel == INFORMAL:
        return Terms(due_at=sent.due_at)
    comply = basis.intake is Intake.COMPLY
    if sent.kind != BLOCK:
        return Terms(due_at=sent.due_at, comply_at_intake=comply)
    statutory = deadline(basis, DutyKind.RESTRICT, issued_at=sent.issued_at, received_at=received_at)
    lapses_at = _lapses_at(basis, sent.issued_at, now)
    return Terms(due_at=sent.due_at or statutory, comply_at_intake=comply, interim=basis.interim, lapses_at=lapses_at)


SEEN_IN_FIELDS = frozenset(
    {
        Element.DATE_AND_TIME,
        Element.DOCUMENT,
        Element.EXACT_LOCATION,
        Element.SOURCE_OF_ILLEGALITY,
        Element.STATEMENT_OF_REASONS,
    }
)
"""Elements that other fields of an order show. Of any other only who read the paper can say whether it is there."""


def judged(sent: DirectiveIn, targets: Iterable[Target], basis: LegalBasis) -> Verdict:
    """Whether the order has what its law requires. An unblock takes nothing from anybody, an informal request is no order at all.

    A requirement that was not verified in a primary text stops no order, nor does an element that nobody has looked for.
    """
    if sent.kind != BLOCK or sent.channel == INFORMAL:
        return COMPLETE
    skipped = unexamined(sent, basis)
    required = {
        str(each.element): IfMissing(each.if_missing.value)
        for each in basis.required
        if each.verified and each.element not in skipped
    }
    return judge(required, {*(sent.elements or {}), *_told_elsewhere(sent, targets)})


def unexamined(sent: DirectiveIn, basis: LegalBasis) -> tuple[Element, ...]:
    """Required elements that no field shows, of an order whose sender did not say at all which `elements` it has.

    `{}` says that it has none of them, and so that they are missing.
    """
    if sent.elements is not None or sent.kind != BLOCK or sent.channel == INFORMAL:
        return ()
    return tuple(each.element for each in basis.required if each.element not in SEEN_IN_FIELDS)


def _told_elsewhere(sent: DirectiveIn, targets: Iterable[Target]) -> Iterator[Element]:
    """Elements that a field of the order carries.

    The law that it cites is the source of illegality. A hashtag names a word and no place; all other targets are found exactly.
    """
    yield Element.DATE_AND_TIME
    yield Element.SOURCE_OF_ILLEGALITY
    if sent.reason and sent.reason.strip():
        yield Element.STATEMENT_OF_REASONS
    if sent.document:
        yield Element.DOCUMENT
    if all(type_of(target) is not TargetType.HASHTAG for target in targets):
        yield Element.EXACT_LOCATION


def _lapses_at(basis: LegalBasis, issued_at: datetime, now: datetime) -> datetime | None:
    """Counted from the issue; for an order that is recorded only after that time, from the record.

    Whether a committee confirmed such an order meanwhile is not known here, and a case that is entered late must not end at once.
    """
    if basis.confirm_within is None:
        return None
    lapses_at = issued_at + basis.confirm_within
    return lapses_at if lapses_at > now else now + basis.confirm_within
