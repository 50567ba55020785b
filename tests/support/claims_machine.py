"""Random histories of directives, told at the same time to the system and to an oracle that is too small to be wrong.

The oracle knows nothing but which claims are live or suspended, sets of (directive, target, place), and little of each item.
A system is anything that carries out the same operations and can say what is withheld.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.blocklist.domain.causes import BY_PLATFORM, Cause
from services.blocklist.domain.item import Decision
from services.blocklist.domain.selection import Selection
from shared.ids import DirectiveId, Jurisdiction, Key, Target
from tests.support.builders import IN, PB, PK, directive_id, target

ItemId = tuple[DirectiveId, Target]
Places = AbstractSet[Jurisdiction]
Verdict = Places | None
"""Of one item: the places whose claims are made, ended or turned, or None if it stands in the way."""
Judge = Callable[[ItemId], Verdict]

MAX_DIRECTIVES = 4
TARGETS = [target(name) for name in "abcd"]
scopes = st.sampled_from([(IN,), (PB,), (PK,), (IN, PK), (PB, PK), (IN, PB)])
some_targets = st.lists(st.sampled_from(TARGETS), min_size=1, max_size=3, unique=True).map(tuple)
numbers = st.integers(0, MAX_DIRECTIVES - 1)


def inside(part: Jurisdiction, wide: Jurisdiction) -> bool:
    return part == wide or part.startswith(f"{wide}-")


class Oracle:
    """Claims that count, claims that a stay suspends, and of items: which are closed, stayed, decided. `follows`: new to old."""

    def __init__(self) -> None:
        self.claims: set[tuple[DirectiveId, Target, Jurisdiction]] = set()
        self.suspended: set[tuple[DirectiveId, Target, Jurisdiction]] = set()
        self.closed: set[ItemId] = set()
        self.barred: set[tuple[DirectiveId, Target, Jurisdiction]] = set()
        self.stayed: set[ItemId] = set()
        self.decided: set[ItemId] = set()
        self.follows: dict[DirectiveId, DirectiveId] = {}

    @property
    def withheld(self) -> set[Key]:
        return {Key(place, named) for _, named, place in self.claims}

    def places(self, item: ItemId) -> Places:
        return {place for *claimed, place in self.claims | self.suspended if tuple(claimed) == item}

    def olds(self, id_: DirectiveId) -> list[DirectiveId]:
        return [self.follows[id_], *self.olds(self.follows[id_])] if id_ in self.follows else []

    def comply(self, item: ItemId, scope: Iterable[Jurisdiction]) -> Verdict:
        had = self.places(item)
        barred = [place for *lifted, place in self.barred if tuple(lifted) == item]
        open_ = [place for place in scope if not any(inside(place, end) or inside(end, place) for end in barred)]
        added = {place for place in open_ if not any(inside(place, wide) for wide in had)}
        narrower = any(not any(inside(place, wide) for wide in open_) for place in had)
        return None if item in self.closed or not open_ or (narrower and not added) else added

    def refuse(self, item: ItemId) -> Verdict:
        return None if item in self.closed or self.places(item) else set()

    def release(self, item: ItemId, scope: Iterable[Jurisdiction]) -> Verdict:
        return {place for place in self.places(item) if any(inside(place, wide) for wide in scope)} or None

    def part_of_wider(self, item: ItemId, scope: Iterable[Jurisdiction]) -> bool:
        return not self.release(item, scope) and any(inside(part, place) for place in self.places(item) for part in scope)

    def end(self, item: ItemId) -> Verdict:
        return None if item in self.closed else self.places(item)

    def turn(self, item: ItemId, *, stay: bool) -> Verdict:
        return None if item in self.closed or (item in self.stayed) is stay else self.places(item)

    def make(self, item: ItemId, places: Places) -> None:
        (self.suspended if item in self.stayed else self.claims).update((*item, place) for place in places)
        self.decide(item)

    def decide(self, item: ItemId, _: Places = frozenset()) -> None:
        self.decided.add(item)
        for old in self.olds(item[0]):
            self.close((old, item[1]), self.places((old, item[1])))

    def drop(self, item: ItemId, places: Places) -> None:
        for claims in (self.claims, self.suspended):
            claims.difference_update((*item, place) for place in places)

    def close(self, item: ItemId, places: Places) -> None:
        self.drop(item, places)
        self.closed.add(item)

    def lift(self, item: ItemId, places: Places) -> None:
        self.drop(item, places)
        self.barred |= {(*item, place) for place in places}
        if not self.places(item):
            self.closed.add(item)

    def suspend(self, item: ItemId, places: Places) -> None:
        self.drop(item, places)
        self.suspended |= {(*item, place) for place in places}
        self.stayed.add(item)

    def restore(self, item: ItemId, places: Places) -> None:
        self.drop(item, places)
        self.claims |= {(*item, place) for place in places}
        self.stayed.remove(item)


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
    def lapse(self, id_: DirectiveId) -> bool: ...

    @abstractmethod
    def quash(self, id_: DirectiveId, selection: Selection) -> bool: ...

    @abstractmethod
    def stay(self, id_: DirectiveId, selection: Selection) -> bool: ...

    @abstractmethod
    def unstay(self, id_: DirectiveId, selection: Selection) -> bool: ...

    @abstractmethod
    def supersede(self, old: DirectiveId, new: DirectiveId) -> None:
        """Always possible: the machine asks for nothing else."""

    @abstractmethod
    def unblock(self, number: int, targets: tuple[Target, ...], scope: tuple[Jurisdiction, ...]) -> bool: ...

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
        self.unblocks = 0

    @precondition(lambda self: len(self.asked) < MAX_DIRECTIVES)
    @rule(names=some_targets, scope=scopes, at_intake=st.booleans())
    def submit(self, names: tuple[Target, ...], scope: tuple[Jurisdiction, ...], at_intake: bool) -> None:
        number = len(self.asked)
        self.asked[directive_id(number)] = (names, scope)
        if at_intake:
            items = self.of(directive_id(number))
            self.follow(items, lambda item: self.oracle.comply(item, scope), self.oracle.make, named=True)
        self.system.submit(number, names, scope, at_intake=at_intake)

    @precondition(lambda self: self.asked)
    @rule(number=numbers, every=st.booleans(), narrower=st.booleans())
    def comply(self, number: int, every: bool, narrower: bool) -> None:
        id_ = self.known(number)
        scope = self.asked[id_][1][-1:] if narrower else self.asked[id_][1]
        judge: Judge = lambda item: self.oracle.comply(item, scope)  # noqa: E731 (a name for what is passed on)
        possible = self.follow(self.of(id_, every), judge, self.oracle.make, named=not every)

        done = self.system.decide(id_, Decision.COMPLY, self.selection(id_, every), scope if narrower else None)

        assert done == possible

    @precondition(lambda self: self.asked)
    @rule(number=numbers, every=st.booleans(), decision=st.sampled_from([Decision.REFUSE, Decision.NOT_LOCATED]))
    def decide_against(self, number: int, every: bool, decision: Decision) -> None:
        id_ = self.known(number)
        possible = self.follow(self.of(id_, every), self.oracle.refuse, self.oracle.decide, named=not every)

        assert self.system.decide(id_, decision, self.selection(id_, every), None) == possible

    @precondition(lambda self: self.asked)
    @rule(number=numbers, every=st.booleans(), scope=scopes, cause=st.sampled_from(sorted(BY_PLATFORM)))
    def release(self, number: int, every: bool, scope: tuple[Jurisdiction, ...], cause: Cause) -> None:
        id_ = self.known(number)
        judge: Judge = lambda item: self.oracle.release(item, scope)  # noqa: E731
        possible = self.follow(self.of(id_, every), judge, self.oracle.drop, named=not every)

        assert self.system.release(id_, self.selection(id_, every), scope, cause) == possible

    @precondition(lambda self: self.asked)
    @rule(names=some_targets, scope=scopes, cause=st.sampled_from(sorted(BY_PLATFORM)))
    def release_whoever_asked(self, names: tuple[Target, ...], scope: tuple[Jurisdiction, ...], cause: Cause) -> None:
        items = [(id_, named) for id_ in self.asked for named in names]
        reached = {named for id_, named in items if self.oracle.release((id_, named), scope)}
        possible = reached == set(names)
        if possible:
            self.follow(items, lambda item: self.oracle.release(item, scope), self.oracle.drop, named=False)

        assert self.system.release(None, names, scope, cause) == possible

    @precondition(lambda self: self.asked)
    @rule(number=numbers, every=st.booleans(), by_court=st.booleans())
    def rescind_or_quash(self, number: int, every: bool, by_court: bool) -> None:
        id_ = self.known(number)
        possible = self.follow(self.of(id_, every), self.oracle.end, self.oracle.close, named=not every)

        end = self.system.quash if by_court else self.system.rescind
        assert end(id_, self.selection(id_, every)) == possible

    @precondition(lambda self: self.asked)
    @rule(number=numbers, unconfirmed=st.booleans())
    def run_out(self, number: int, unconfirmed: bool) -> None:
        id_ = self.known(number)
        possible = self.follow(self.of(id_), self.oracle.end, self.oracle.close, named=False)

        assert (self.system.lapse if unconfirmed else self.system.expire)(id_) == possible

    @precondition(lambda self: self.asked)
    @rule(number=numbers, every=st.booleans())
    def stay(self, number: int, every: bool) -> None:
        id_ = self.known(number)
        judge: Judge = lambda item: self.oracle.turn(item, stay=True)  # noqa: E731
        possible = self.follow(self.of(id_, every), judge, self.oracle.suspend, named=not every)

        assert self.system.stay(id_, self.selection(id_, every)) == possible

    @precondition(lambda self: self.asked)
    @rule(number=numbers, every=st.booleans())
    def unstay(self, number: int, every: bool) -> None:
        id_ = self.known(number)
        judge: Judge = lambda item: self.oracle.turn(item, stay=False)  # noqa: E731
        possible = self.follow(self.of(id_, every), judge, self.oracle.restore, named=not every)

        assert self.system.unstay(id_, self.selection(id_, every)) == possible

    @precondition(lambda self: len(self.asked) > 1)
    @rule(old=numbers, new=numbers)
    def supersede(self, old: int, new: int) -> None:
        older, newer = self.known(old), self.known(new)
        if not self.may_supersede(older, newer):
            return
        self.oracle.follows[newer] = older
        waiting = {named for id_, named in self.of(newer) if (id_, named) not in self.oracle.decided | self.oracle.closed}
        ending = [item for id_ in self.oracle.olds(newer) for item in self.of(id_) if item[1] not in waiting]
        self.follow(ending, self.oracle.end, self.oracle.close, named=False)

        self.system.supersede(older, newer)

    @precondition(lambda self: self.asked)
    @rule(names=some_targets, scope=scopes)
    def unblock(self, names: tuple[Target, ...], scope: tuple[Jurisdiction, ...]) -> None:
        items = [(id_, named) for id_ in self.asked for named in names]
        possible = not any(self.oracle.part_of_wider(item, scope) for item in items)
        if possible:
            self.follow(items, lambda item: self.oracle.release(item, scope), self.oracle.lift, named=False)
            self.unblocks += 1

        assert self.system.unblock(MAX_DIRECTIVES + self.unblocks, names, scope) == possible

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

    def may_supersede(self, old: DirectiveId, new: DirectiveId) -> bool:
        """Both are open, the new one is not stayed, and neither has another to do with."""
        olds = [old, *self.oracle.olds(old)]
        taken = any(each == old and self.open(newer) for newer, each in self.oracle.follows.items())
        in_force = set(self.open(new)) - self.oracle.stayed
        return bool(self.open(old) and in_force) and not taken and new not in self.oracle.follows and new not in olds

    def open(self, id_: DirectiveId) -> list[ItemId]:
        return [item for item in self.of(id_) if item not in self.oracle.closed]

    def follow(self, items: list[ItemId], judge: Judge, effect: Callable[[ItemId, Places], None], *, named: bool) -> bool:
        """Tells the oracle. Answers whether the operation is possible; one that is not changes nothing."""
        verdicts = {item: judge(item) for item in items}
        eligible = {item: places for item, places in verdicts.items() if places is not None}
        if not eligible or (named and len(eligible) < len(verdicts)):
            return False
        before = self.oracle.withheld
        for item, places in eligible.items():
            effect(item, places)
        for key in before ^ self.oracle.withheld:
            self.flips[key] = self.flips.get(key, 0) + 1
        return True
