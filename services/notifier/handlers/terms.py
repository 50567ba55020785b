"""From the law in force when a directive was issued, and from its own words, to the terms of its clocks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from services.notifier.domain.case import Directive
from services.notifier.domain.clocks import Duty, Trigger
from services.notifier.domain.course import Term
from shared.registry import Duty as LegalDuty
from shared.registry import DutyKind, LegalBasis, Registry, UserNotice

_DUTIES = {kind: Duty(kind.value) for kind in DutyKind}


def terms_of(directive: Directive, registry: Registry) -> list[Term]:
    """One for each duty, also where nobody names a time.

    `due_at` of the order is the time to restrict; where it is the one that the law gives, it is the law's. An interim order
    lapses when its events say; one of which none has said so, when the law does.
    Nobody has to tell users what must not be told, or not yet.
    """
    basis = registry.basis(directive.legal_basis, directive.issued_at)
    duties = [each for each in basis.duties if each.duty is not DutyKind.INFORM_USER or _tells(basis, directive)] if basis else []
    law = [_lapsing(_term(each, directive), directive) for each in duties]
    return [*law, *_ordered(directive, law)]


def _tells(basis: LegalBasis, directive: Directive) -> bool:
    return basis.user_notice is UserNotice.ALLOWED and not directive.sealed


def _term(duty: LegalDuty, directive: Directive) -> Term:
    return Term(
        duty=_DUTIES[duty.duty],
        trigger=Trigger(duty.trigger.value),
        starts_at=duty.started(issued_at=directive.issued_at, received_at=directive.received_at),
        due=duty.due,
        verified=duty.verified,
        pausable=duty.pausable,
        source=duty.source,
    )


def _lapsing(term: Term, directive: Directive) -> Term:
    if term.duty is not Duty.LAPSE or directive.lapses_at is None:
        return term
    return replace(term, due=_always(directive.lapses_at))


def _ordered(directive: Directive, law: Sequence[Term]) -> Iterator[Term]:
    if directive.due_at is not None and not any(_is_due(term, directive.due_at) for term in law):
        yield Term(
            duty=Duty.RESTRICT,
            trigger=Trigger.ORDER,
            starts_at=directive.received_at,
            due=_always(directive.due_at),
            verified=True,
            pausable=any(term.pausable for term in law if term.duty is Duty.RESTRICT),
            source="set by the order",
        )


def _is_due(term: Term, at: datetime) -> bool:
    """Whether the law gives that very time: the blocklist tells it as the directive's own where the order names none."""
    return term.duty is Duty.RESTRICT and term.starts_at is not None and term.due(term.starts_at) == at


def _always(at: datetime) -> Callable[[datetime], datetime]:
    return lambda _: at
