"""The pure rules, driven through random histories beside the oracle of `tests.support.claims_machine`."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from services.blocklist.domain import item as rules
from services.blocklist.domain.causes import Cause
from services.blocklist.domain.item import Changed, Decision, Item, ItemState, NotAllowed, Obstacle, Outcome
from services.blocklist.domain.selection import Impossible, Selection, apply_to_all
from services.blocklist.domain.tally import Tally, tally_of
from services.blocklist.domain.withholding import Emitted, Terms, Withholding, WithholdingState, claim_changes, settle_all
from shared.ids import DirectiveId, Jurisdiction, Key, Target
from tests.support.builders import NOON, directive_id
from tests.support.claims_machine import TARGETS, ClaimsMachine, System


class PureRules(System):
    """What handlers do, without a database."""

    def __init__(self) -> None:
        self.scopes: dict[DirectiveId, tuple[Jurisdiction, ...]] = {}
        self.items: dict[DirectiveId, dict[Target, Item]] = {}
        self.tallies: dict[DirectiveId, Tally] = {}
        self.keys: dict[Key, Withholding] = {}
        self.follows: dict[DirectiveId, DirectiveId] = {}
        self.versions: dict[Key, list[Withholding]] = {}

    def submit(self, number: int, targets: tuple[Target, ...], scope: tuple[Jurisdiction, ...], *, at_intake: bool) -> None:
        id_ = directive_id(number)
        self.scopes[id_] = scope
        self.items[id_] = {named: Item(target=named) for named in targets}
        self.tallies[id_] = tally_of(self.items[id_].values())
        if at_intake:
            self.decide(id_, Decision.COMPLY, targets, None)

    def decide(self, id_: DirectiveId, decision: Decision, selection: Selection, scope: tuple[Jurisdiction, ...] | None) -> bool:
        acts: dict[Decision, Callable[[Item], Outcome]] = {
            Decision.COMPLY: lambda item: rules.comply(item, scope or self.scopes[id_]),
            Decision.REFUSE: lambda item: rules.refuse(item, "other"),
            Decision.NOT_LOCATED: rules.mark_not_located,
        }
        return self._carry_out(id_, selection, acts[decision], None, decides=True)

    def release(self, id_: DirectiveId | None, selection: Selection, scope: tuple[Jurisdiction, ...], cause: Cause) -> bool:
        if id_ is not None:
            return self._carry_out(id_, selection, lambda item: rules.release(item, scope, cause), cause)
        assert not isinstance(selection, str)
        return self._release_whoever_asked(selection, scope, cause)

    def rescind(self, id_: DirectiveId, selection: Selection) -> bool:
        return self._carry_out(id_, selection, lambda item: rules.end(item, Cause.RESCINDED), Cause.RESCINDED)

    def expire(self, id_: DirectiveId) -> bool:
        return self._carry_out(id_, "all", lambda item: rules.end(item, Cause.EXPIRED), Cause.EXPIRED)

    def lapse(self, id_: DirectiveId) -> bool:
        return self._carry_out(id_, "all", rules.lapse, Cause.INTERIM_LAPSED)

    def quash(self, id_: DirectiveId, selection: Selection) -> bool:
        return self._carry_out(id_, selection, lambda item: rules.end(item, Cause.QUASHED), Cause.QUASHED)

    def stay(self, id_: DirectiveId, selection: Selection) -> bool:
        return self._carry_out(id_, selection, rules.stay, Cause.STAYED)

    def unstay(self, id_: DirectiveId, selection: Selection) -> bool:
        return self._carry_out(id_, selection, rules.unstay, None)

    def supersede(self, old: DirectiveId, new: DirectiveId) -> None:
        self.follows[new] = old
        waiting = {named for named, item in self.items[new].items() if item.state is ItemState.UNDECIDED}
        self._store(self._superseded(new, set(TARGETS) - waiting), Cause.SUPERSEDED)

    def unblock(self, number: int, targets: tuple[Target, ...], scope: tuple[Jurisdiction, ...]) -> bool:
        found = [(id_, items[named]) for id_, items in self.items.items() for named in targets if named in items]
        outcomes = [(id_, rules.lift(item, scope)) for id_, item in found]
        if any(isinstance(each, NotAllowed) and each.obstacle is Obstacle.PART_OF_WIDER for _, each in outcomes):
            return False
        self._store([(id_, each) for id_, each in outcomes if isinstance(each, Changed)], Cause.RESCINDED)
        return True

    def withheld(self) -> set[Key]:
        return {key for key, value in self.keys.items() if value.state is WithholdingState.WITHHELD}

    def check(self, flips: dict[Key, int]) -> None:
        assert {key: [value.version for value in made] for key, made in self.versions.items()} == {
            key: list(range(1, count + 1)) for key, count in flips.items()
        }
        assert {id_: tally_of(items.values()) for id_, items in self.items.items()} == self.tallies

    def _carry_out(
        self,
        id_: DirectiveId,
        selection: Selection,
        act: Callable[[Item], Outcome],
        cause: Cause | None,
        *,
        decides: bool = False,
    ) -> bool:
        every = isinstance(selection, str)
        chosen = [item for named, item in self.items[id_].items() if every or named in selection]
        batch = apply_to_all(chosen, act, named=not every)
        if isinstance(batch, Impossible):
            return False
        decided = {changed.after.target for changed in batch.changed} if decides else set()
        ended = self._superseded(id_, decided)
        self._store([*((id_, changed) for changed in batch.changed), *ended], Cause.SUPERSEDED if ended else cause)
        return True

    def _superseded(self, id_: DirectiveId, targets: AbstractSet[Target]) -> list[tuple[DirectiveId, Changed]]:
        """What ends in the directives that this one supersedes."""
        if id_ not in self.follows:
            return []
        old = self.follows[id_]
        outcomes = [rules.end(item, Cause.SUPERSEDED) for named, item in self.items[old].items() if named in targets]
        return [*((old, each) for each in outcomes if isinstance(each, Changed)), *self._superseded(old, targets)]

    def _release_whoever_asked(self, selection: Sequence[Target], scope: tuple[Jurisdiction, ...], cause: Cause) -> bool:
        outcomes = {
            (id_, named): rules.release(items[named], scope, cause)
            for id_, items in self.items.items()
            for named in selection
            if named in items
        }
        changed = {item: outcome for item, outcome in outcomes.items() if isinstance(outcome, Changed)}
        if {named for _, named in changed} != set(selection):
            return False
        self._store([(id_, outcome) for (id_, _), outcome in changed.items()], cause)
        return True

    def _store(self, changes: Sequence[tuple[DirectiveId, Changed]], cause: Cause | None) -> None:
        for id_, changed in changes:
            self.items[id_][changed.after.target] = changed.after
            self.tallies[id_] = self.tallies[id_].moved([(changed.before, changed.after)])
        for outcome in settle_all(claim_changes(changes), self.keys, Terms(at=NOON, cause=cause, due_at=None, label="")):
            before = self.keys.get(outcome.after.key)
            assert isinstance(outcome, Emitted) == (before is None or before.state is not outcome.after.state)
            self.keys[outcome.after.key] = outcome.after
            if isinstance(outcome, Emitted):
                self.versions.setdefault(outcome.after.key, []).append(outcome.after)


def test_the_rules_agree_with_the_oracle_over_any_history() -> None:
    class Machine(ClaimsMachine):
        def __init__(self) -> None:
            super().__init__(PureRules())

    run_state_machine_as_test(Machine, settings=settings(max_examples=200, stateful_step_count=40, deadline=None))
