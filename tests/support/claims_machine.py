"""Random histories of directives, told at the same time to the system and to an oracle that is too small to be wrong.

The oracle knows nothing but which claims are live, a set of (directive, target, place), and which items are closed for good.
A system is anything that carries out the same operations and can say what is withheld.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.blocklist.domain.causes import BY_PLATFORM, Cause
from services.blocklist.domain.item import Decision
from services.blocklist.domain.selection import Selection
from shared.ids import DirectiveId, Jurisdiction, Key, Target
from tests.support.builders import IN, PB, PK, directive_id, target

ItemId = tuple[DirectiveId, Target]
Places = set[Jurisdiction]
Verdict = Places | None
"""Of one item: the places whose claims are made or ended, or None if it stands in the way."""

MAX_DIRECTIVES = 4
TARGETS = [target(name) for name in "abcd"]
scopes = st.sampled_from([(IN,), (PB,), (PK,), (IN, PK), (PB, PK), (IN, PB)])
some_targets = st.lists(st.sampled_from(TARGETS), min_size=1, max_size=3, unique=True).map(tuple)
numbers = st.integers(0, MAX_DIRECTIVES - 1)


def inside(part: Jurisdiction, wide: Jurisdiction) -> bool:
    return part == wide or part.startswith(f"{wide}-")


class Oracle:
    def __init__(self) -> None:
        self.claims: set[tuple[DirectiveId, Target, Jurisdiction]] = set()
        self.closed: set[ItemId] = set()

    @property
    def withheld(self) -> set[Key]:
        return {Key(place, named) for _, named, place in self.claims}

    def places(self, item: ItemId) -> Places:
        return {place for *claimed, place in self.claims if tuple(claimed) == item}

    def comply(self, item: ItemId, scope: Iterable[Jurisdiction]) -> Verdict:
        had = self.places(item)
        added = {place for place in scope if not any(inside(place, wide) for wide in had)}
        narrower = any(not any(inside(place, wide) for wide in scope) for place in had)
        return None if item in self.closed or (narrower and not added) else added

    def refuse(self, item: ItemId) -> Verdict:
        return None if item in self.closed or self.places(item) else set()

    def release(self, item: ItemId, scope: Iterable[Jurisdiction]) -> Verdict:
        return {place for place in self.places(item) if any(inside(place, wide) for wide in scope)} or None

    def end(self, item: ItemId) -> Verdict:
        return None if item in self.closed else self.places(item)


class System(ABC):
    """What is under test. Every operation answers whether it was carried out; a refused one must have changed nothing."""

    @abstractmethod
    def submit(self, number: int, targets: tuple[Target, ...], scope: tuple[Jurisdiction, ...], *, at_intake: bool) -> None: ...

    @abstractmethod
    def decide(
        self, id_: DirectiveId, decision: Decision, selection: Selection, scope: tuple[Jurisdiction, ...] | None
    ) -> bool: ...

    @abstractmethod
    def release(self, id_: DirectiveId | None, selection: Selection, scope: tuple[Jurisdiction, ...], cause: Cause) -> bool: ...

    @abstractmethod
    def rescind(self, id_: DirectiveId, selection: Selection) -> bool: ...

    @abstractmethod
    def expire(self, id_: DirectiveId) -> bool: ...

    @abstractmethod
    def withheld(self) -> set[Key]: ...

    @abstractmethod
    def check(self, flips: dict[Key, int]) -> None:
        """Asserts what must always hold. `flips` says how often each key has changed its state so far."""

    def close(self) -> None:  # noqa: B027 (not every system has something to do)
        """Called once at the end of each history."""


class ClaimsMachine(RuleBasedStateMachine):
    def __init__(self, system: System) -> None:
        super().__init__()
        self.system = system
        self.oracle = Oracle()
        self.asked: dict[DirectiveId, tuple[tuple[Target, ...], tuple[Jurisdiction, ...]]] = {}
        self.flips: dict[Key, int] = {}

    @precondition(lambda self: len(self.asked) < MAX_DIRECTIVES)
    @rule(names=some_targets, scope=scopes, at_intake=st.booleans())
    def submit(self, names: tuple[Target, ...], scope: tuple[Jurisdiction, ...], at_intake: bool) -> None:
        number = len(self.asked)
        self.asked[directive_id(number)] = (names, scope)
        if at_intake:
            self.follow(self.of(directive_id(number)), lambda item: self.oracle.comply(item, scope), named=True, adds=True)
        self.system.submit(number, names, scope, at_intake=at_intake)

    @precondition(lambda self: self.asked)
    @rule(number=numbers, every=st.booleans(), narrower=st.booleans())
    def comply(self, number: int, every: bool, narrower: bool) -> None:
        id_ = self.known(number)
        scope = self.asked[id_][1][-1:] if narrower else self.asked[id_][1]
        possible = self.follow(self.of(id_, every), lambda item: self.oracle.comply(item, scope), named=not every, adds=True)

        done = self.system.decide(id_, Decision.COMPLY, self.selection(id_, every), scope if narrower else None)

        assert done == possible

    @precondition(lambda self: self.asked)
    @rule(number=numbers, every=st.booleans(), decision=st.sampled_from([Decision.REFUSE, Decision.NOT_LOCATED]))
    def decide_against(self, number: int, every: bool, decision: Decision) -> None:
        id_ = self.known(number)
        possible = self.follow(self.of(id_, every), self.oracle.refuse, named=not every)

        assert self.system.decide(id_, decision, self.selection(id_, every), None) == possible

    @precondition(lambda self: self.asked)
    @rule(number=numbers, every=st.booleans(), scope=scopes, cause=st.sampled_from(sorted(BY_PLATFORM)))
    def release(self, number: int, every: bool, scope: tuple[Jurisdiction, ...], cause: Cause) -> None:
        id_ = self.known(number)
        possible = self.follow(self.of(id_, every), lambda item: self.oracle.release(item, scope), named=not every)

        assert self.system.release(id_, self.selection(id_, every), scope, cause) == possible

    @precondition(lambda self: self.asked)
    @rule(names=some_targets, scope=scopes, cause=st.sampled_from(sorted(BY_PLATFORM)))
    def release_whoever_asked(self, names: tuple[Target, ...], scope: tuple[Jurisdiction, ...], cause: Cause) -> None:
        items = [(id_, named) for id_ in self.asked for named in names]
        reached = {named for id_, named in items if self.oracle.release((id_, named), scope)}
        possible = reached == set(names)
        if possible:
            self.follow(items, lambda item: self.oracle.release(item, scope), named=False)

        assert self.system.release(None, names, scope, cause) == possible

    @precondition(lambda self: self.asked)
    @rule(number=numbers, every=st.booleans())
    def rescind(self, number: int, every: bool) -> None:
        id_ = self.known(number)
        possible = self.follow(self.of(id_, every), self.oracle.end, named=not every, closes=True)

        assert self.system.rescind(id_, self.selection(id_, every)) == possible

    @precondition(lambda self: self.asked)
    @rule(number=numbers)
    def expire(self, number: int) -> None:
        id_ = self.known(number)
        possible = self.follow(self.of(id_), self.oracle.end, named=False, closes=True)

        assert self.system.expire(id_) == possible

    @invariant()
    def what_is_withheld_is_what_a_live_claim_withholds(self) -> None:
        assert self.system.withheld() == self.oracle.withheld
        self.system.check(self.flips)

    def teardown(self) -> None:
        self.system.close()

    def known(self, number: int) -> DirectiveId:
        return list(self.asked)[number % len(self.asked)]

    def of(self, id_: DirectiveId, every: bool = True) -> list[ItemId]:
        """All of the directive's items, or the first two, which are then named."""
        return [(id_, named) for named in self.asked[id_][0][: None if every else 2]]

    def selection(self, id_: DirectiveId, every: bool) -> Selection:
        return "all" if every else self.asked[id_][0][:2]

    def follow(
        self,
        items: list[ItemId],
        judge: Callable[[ItemId], Verdict],
        *,
        named: bool,
        adds: bool = False,
        closes: bool = False,
    ) -> bool:
        """Tells the oracle. Answers whether the operation is possible; one that is not changes nothing."""
        verdicts = {item: judge(item) for item in items}
        eligible = {item: places for item, places in verdicts.items() if places is not None}
        if not eligible or (named and len(eligible) < len(verdicts)):
            return False
        before = self.oracle.withheld
        touched = {(*item, place) for item, places in eligible.items() for place in places}
        self.oracle.claims = self.oracle.claims | touched if adds else self.oracle.claims - touched
        self.oracle.closed |= set(eligible) if closes else set()
        for key in before ^ self.oracle.withheld:
            self.flips[key] = self.flips.get(key, 0) + 1
        return True
