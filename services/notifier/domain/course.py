"""From what happened to a directive to its clocks: the same whatever the order in which that was learnt.

Promises: the clocks follow from the terms and from all that is known to have happened, in the order in which it did. So a notice
that is learnt after a newer one changes nothing, and what is learnt late has the effect that it had in time.
Does not promise: to know how items stand; what was recorded of that, and of time that ran out, is `carried` over.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.notifier.domain.clocks import (
    DONE,
    MET_BY_A_REPLY,
    Clock,
    ClockState,
    Duty,
    Trigger,
    extend,
    meet,
    pause,
    restart,
    resume,
    void,
)
from shared.ids import DirectiveId


class Happened(StrEnum):
    """What clocks follow from. Of one event that says two of them, the first here counts first.

    CONFIRMED: nothing is left to lapse. LAPSED: what was not confirmed ended, if not the directive.
    """

    INCOMPLETE = "incomplete"
    NOTICE = "notice"
    REPLY = "reply"
    IMPEDIMENT_ENDED = "impediment_ended"
    ACCEPTED = "accepted"
    INFORMED = "informed"
    CONFIRMED = "confirmed"
    LAPSED = "lapsed"
    STAYED = "stayed"
    UNSTAYED = "unstayed"
    CLAIMS_ENDED = "claims_ended"
    ENDED = "ended"


_ORDER = {what: number for number, what in enumerate(Happened)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """`at` is when it happened, `revision` the event that told. The rest is what a notice or a reply says."""

    directive: DirectiveId
    revision: int
    what: Happened
    at: datetime
    kind: str | None = None
    due_at: datetime | None = None
    provision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A duty as the law or the order sets it. `starts_at` is None where a later clarification or notice starts the clock;
    `due` answers None where the order would have to set the time."""

    duty: Duty
    trigger: Trigger
    starts_at: datetime | None
    due: Callable[[datetime], datetime | None]
    verified: bool
    pausable: bool = False
    source: str | None = None

    def clock(self, starts_at: datetime) -> Clock | None:
        due_at = self.due(starts_at)
        if due_at is None:
            return None
        return Clock(
            duty=self.duty,
            trigger=self.trigger,
            starts_at=starts_at,
            due_at=due_at,
            verified=self.verified,
            pausable=self.pausable,
            source=self.source,
        )


ASKED_FOR_BY = {"non_compliance": Duty.RESTRICT, "reminder": Duty.RESTRICT, "clarification": Duty.REPLY, "hearing": Duty.REPLY}
"""What each kind of notice wants by its deadline."""

CLARIFICATION = "clarification"
QUESTIONS = ("clarification_request", "impossibility")
"""Replies after which the platform waits for somebody else."""

MET_BY: Mapping[Happened, tuple[Duty, ...]] = {Happened.INFORMED: (Duty.INFORM_USER,), Happened.CONFIRMED: (Duty.LAPSE,)}
"""What else meets a duty, and which."""

SURVIVING = (Duty.RETAIN, Duty.RELEASE)
"""Duties that outlive the directive."""


class Wait(StrEnum):
    """Why a clock stands still."""

    INCOMPLETE = "incomplete"
    QUESTION = "question"
    STAY = "stay"


BEGINS: Mapping[Happened, Wait] = {Happened.INCOMPLETE: Wait.INCOMPLETE, Happened.STAYED: Wait.STAY}
ENDS: Mapping[Happened, tuple[Wait, ...]] = {
    Happened.ACCEPTED: (Wait.INCOMPLETE, Wait.QUESTION),
    Happened.IMPEDIMENT_ENDED: (Wait.QUESTION,),
    Happened.UNSTAYED: (Wait.STAY,),
}
"""What makes clocks stand still, and what ends that. A reply that asks, and a notice that clarifies, do so besides."""


def course(terms: Sequence[Term], happenings: Iterable[Happening], *, now: datetime) -> dict[Duty, Clock]:
    """The clocks of a directive after all that happened to it."""
    run = _Course(terms, now, _first(terms))
    for each in sorted(happenings, key=lambda each: (each.at, each.revision, _ORDER[each.what])):
        run.take(each)
    return run.clocks


def carried(stored: Clock | None, found: Clock) -> Clock:
    """The clock with what was recorded of it: that it was met by its items, was breached, was warned of. Nothing un-happens."""
    if stored is None or stored.run != found.run:
        return found
    if stored.state in DONE and found.state not in DONE:
        return stored
    if found.state is ClockState.PAUSED:
        return replace(found, warned=stored.warned)
    if stored.due_at != found.due_at:
        return replace(found, warned=stored.warned)
    breached = stored.state is ClockState.BREACHED and found.state is ClockState.RUNNING
    return replace(
        found,
        state=ClockState.BREACHED if breached else found.state,
        breached_at=stored.breached_at or found.breached_at,
        warned=stored.warned,
    )


def released(stored: Clock | None, ended: Iterable[datetime], within: timedelta) -> Clock | None:
    """The clock of releases after claims ended then, each time told once. One that runs already is not given more time."""
    clock = stored
    for at in sorted(ended):
        fresh = Clock(
            duty=Duty.RELEASE,
            trigger=Trigger.RELEASE,
            starts_at=at,
            due_at=at + within,
            verified=True,
            source="our own promise",
        )
        clock = fresh if clock is None else restart(clock, fresh) if at > clock.starts_at else clock
    return clock


def _first(terms: Sequence[Term]) -> dict[Duty, Clock]:
    """Of two clocks for a duty the one that is due earlier; the time that the order sets goes before that of the law."""
    clocks: dict[Duty, Clock] = {}
    for term in terms:
        clock = None if term.starts_at is None else term.clock(term.starts_at)
        if clock is not None and _goes_before(clock, clocks.get(term.duty)):
            clocks[term.duty] = clock
    return clocks


def _goes_before(clock: Clock, present: Clock | None) -> bool:
    if present is None or clock.trigger is Trigger.ORDER:
        return True
    return present.trigger is not Trigger.ORDER and clock.due_at < present.due_at


@dataclass(slots=True)
class _Course:
    """The clocks so far, why each stands still, and whether the directive has ended."""

    terms: Sequence[Term]
    now: datetime
    clocks: dict[Duty, Clock]
    waits: dict[Duty, set[Wait]] = field(default_factory=dict)
    ended: bool = False

    def take(self, each: Happening) -> None:
        if each.what in BEGINS:
            self._begin(BEGINS[each.what], each.at)
        elif each.what in ENDS:
            self._end(ENDS[each.what], each.at)
        else:
            self._take_word(each)

    def _take_word(self, each: Happening) -> None:
        match each.what:
            case Happened.NOTICE:
                self._noticed(each)
            case Happened.REPLY:
                self._replied(each)
            case Happened.INFORMED | Happened.CONFIRMED:
                self._meet(MET_BY[each.what], each.at)
            case Happened.LAPSED:
                self._void((Duty.LAPSE,), each.at)
            case Happened.ENDED:
                self._close(each.at)
            case _:
                pass

    def _noticed(self, notice: Happening) -> None:
        """A clarification ends the wait for it; a notice with a deadline sets the clock of what it asks for."""
        if notice.kind == CLARIFICATION:
            self._end((Wait.QUESTION,), notice.at)
        fresh = None if self.ended else self._asked(notice)
        if fresh is not None:
            present = self.clocks.get(fresh.duty)
            self.clocks[fresh.duty] = fresh if present is None else extend(present, fresh)
            self.waits.pop(fresh.duty, None)

    def _asked(self, notice: Happening) -> Clock | None:
        """None if neither the notice nor the law names a deadline, or the notice is of a kind that nobody here knows."""
        duty = ASKED_FOR_BY.get(notice.kind or "")
        if duty is None:
            return None
        if notice.due_at is None:
            term = self._term(duty, Trigger.NOTICE)
            return term.clock(notice.at) if term else None
        return Clock(
            duty=duty,
            trigger=Trigger.NOTICE,
            starts_at=notice.at,
            due_at=notice.due_at,
            verified=True,
            pausable=any(term.pausable for term in self.terms if term.duty is duty),
            source=notice.provision or "set by a notice",
        )

    def _replied(self, reply: Happening) -> None:
        self._meet(MET_BY_A_REPLY, reply.at)
        if reply.kind in QUESTIONS:
            self._begin(Wait.QUESTION, reply.at)

    def _meet(self, duties: Iterable[Duty], at: datetime) -> None:
        """What was done before a clock started was not done for it."""
        for duty in duties:
            clock = self.clocks.get(duty)
            if clock is not None and at >= clock.starts_at:
                self.clocks[duty] = meet(clock, at, now=self.now)

    def _begin(self, wait: Wait, at: datetime) -> None:
        for duty, clock in self.clocks.items():
            if _waits(clock, wait):
                self.waits.setdefault(duty, set()).add(wait)
                self.clocks[duty] = pause(clock, max(at, clock.starts_at))

    def _end(self, ended: Iterable[Wait], at: datetime) -> None:
        """A clock runs again once nothing holds it: anew if the law says so after a clarification, else with what was left."""
        for duty, waits in self.waits.items():
            held = waits.intersection(ended)
            waits.difference_update(held)
            if held and not waits:
                self.clocks[duty] = self._again(self.clocks[duty], at, stayed=held == {Wait.STAY})

    def _again(self, clock: Clock, at: datetime, *, stayed: bool) -> Clock:
        term = None if stayed else self._term(clock.duty, Trigger.CLARIFICATION)
        fresh = term.clock(at) if term else None
        return resume(clock, at) if fresh is None else restart(clock, fresh)

    def _close(self, at: datetime) -> None:
        self.ended = True
        self._void(set(Duty) - set(SURVIVING), at)

    def _void(self, duties: Iterable[Duty], at: datetime) -> None:
        for duty in self.clocks.keys() & set(duties):
            self.clocks[duty] = void(self.clocks[duty], at, now=self.now)

    def _term(self, duty: Duty, trigger: Trigger) -> Term | None:
        return next((term for term in self.terms if term.duty is duty and term.trigger is trigger), None)


def _waits(clock: Clock, wait: Wait) -> bool:
    """A stay suspends what the order asks for itself; nothing else can be done about clocks that the law lets run."""
    return clock.duty is Duty.RESTRICT if wait is Wait.STAY else clock.pausable
