"""Keys and items are brought to agree, and what comes of that is told under the new epoch.

Promises: afterwards every key that was touched is `withheld` exactly while an item claims it, by the one rule of
`domain.withholding.settle`; a lifting that was published stands. Whatever this changed is named in the report.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.blocklist import outbox
from services.blocklist.domain.causes import Cause
from services.blocklist.domain.directive import Directive
from services.blocklist.domain.item import Changed, Item
from services.blocklist.domain.retold import Judged, Witness, claimed, judge, lifted, settled
from services.blocklist.domain.tally import Tally, tally_of
from services.blocklist.domain.withholding import Emitted, Settled, Terms, Withholding
from services.blocklist.handlers.forward.placeholders import hold_place
from services.blocklist.handlers.forward.report import Report
from services.blocklist.handlers.unit import Unit, save_items, versions_of
from services.blocklist.outbound import item_events
from services.blocklist.store import cases, directives, items, withholdings
from shared.ids import DirectiveId, Key, Target

TARGETS_AT_A_TIME = 500

Witnesses = dict[DirectiveId, Witness]


@dataclass(slots=True)
class Settling:
    """`restated` are keys to be told anew even where nothing changes. `_changes` has each item that changes, as it was and is."""

    unit: Unit
    report: Report
    restated: Collection[Key] = ()
    _changes: dict[DirectiveId, dict[Target, Changed]] = field(default_factory=lambda: defaultdict(dict))

    async def settle(self, keys: Iterable[Key]) -> None:
        """All of these keys, some targets at a time, and then the directives whose items changed with them."""
        by_target: dict[Target, list[Key]] = defaultdict(list)
        for key in sorted(keys):
            by_target[key.target].append(key)
        targets = sorted(by_target)
        for start in range(0, len(targets), TARGETS_AT_A_TIME):
            some = targets[start : start + TARGETS_AT_A_TIME]
            await self._settle_some([key for target in some for key in by_target[target]])
        for id_ in sorted(self._changes):
            await self._tell(id_)

    async def _settle_some(self, keys: Sequence[Key]) -> None:
        connection = self.unit.connection
        known = await withholdings.locked(connection, keys)
        witnesses: dict[Target, Witnesses] = defaultdict(dict)
        for id_, item, since in await items.on_targets(connection, sorted({key.target for key in keys})):
            witnesses[item.target][id_] = Witness(item, since)
        judged = {key: self._judge(key, known.get(key), witnesses[key.target]) for key in keys}
        lent = await self._lent(known, judged)
        outcomes = [
            outcome
            for key in sorted(keys)
            if (
                outcome := settled(key, known.get(key), judged[key], self._terms(judged[key], lent), restate=key in self.restated)
            )
        ]
        await self._store(outcomes)

    def _judge(self, key: Key, known: Withholding | None, on_target: Witnesses) -> Judged:
        """What the key comes to; items that have to change with it are changed for the target's next key, too."""
        judged = judge(key, known, on_target)
        for id_ in judged.claims:
            self.report.name("claim_taken_from_key", f"{key} {id_}")
            self._change(id_, on_target, claimed(_item(on_target, id_, key.target), key.jurisdiction))
        for id_ in judged.ends:
            self.report.name("claim_ended_by_key", f"{key} {id_}")
            ended = lifted(_item(on_target, id_, key.target), key.jurisdiction, judged.cause or Cause.ERROR)
            self._change(id_, on_target, ended)
        return judged

    def _change(self, id_: DirectiveId, on_target: Witnesses, after: Item) -> None:
        target = after.target
        known = self._changes[id_].get(target)
        before = known.before if known else _item(on_target, id_, target)
        self._changes[id_][target] = Changed(before, after)
        on_target[id_] = Witness(after, on_target[id_].since if id_ in on_target else self.unit.now)

    async def _lent(self, known: Mapping[Key, Withholding], judged: Mapping[Key, Judged]) -> dict[DirectiveId, Directive]:
        """Every directive that holds one of the keys; one of which nothing is known is given a place."""
        wanted = {id_ for each in judged.values() for id_ in each.claimants}
        found = await directives.locked(self.unit.connection, sorted(wanted))
        for key, each in judged.items():
            for id_ in each.claims - found.keys():
                self.report.name("directive_unknown", id_)
                found[id_] = await hold_place(self.unit, id_, known[key])
        return found

    def _terms(self, judged: Judged, lent: Mapping[DirectiveId, Directive]) -> Terms:
        first = min(judged.claimants, default=None)
        directive = lent[first] if first else None
        return Terms(
            at=self.unit.now,
            cause=judged.cause or Cause.ERROR,
            due_at=directive.due_at if directive else None,
            label=directive.label if directive else "",
        )

    async def _store(self, outcomes: Sequence[Settled]) -> None:
        await withholdings.save(self.unit.connection, outcomes)
        versions = versions_of(outcomes)
        await outbox.append_withholdings(self.unit.connection, self.unit.topics, versions, self.unit.now)
        self.unit.emitted.extend(versions)
        for outcome in outcomes:
            if isinstance(outcome, Emitted):
                self.report.name(f"settled_as_{outcome.after.state}", f"{outcome.after.key}@{outcome.after.version}")

    async def _tell(self, id_: DirectiveId) -> None:
        """The directive's items that changed with their keys, as an event of their own: what had said so is lost."""
        directive = (await directives.locked(self.unit.connection, [id_]))[id_]
        changes = list(self._changes[id_].values())
        stored = {item.target for item in await items.select_items(self.unit.connection, id_, tuple(self._changes[id_]))}
        new = [changed for changed in changes if changed.before.target not in stored]
        known = [changed for changed in changes if changed.before.target in stored]
        await self._add(directive, new)
        await save_items(self.unit, directive, known)
        added = Counter(directive.tally.slots) + Counter(tally_of(changed.before for changed in new).slots)
        counted = replace(directive, tally=Tally(added).moved((changed.before, changed.after) for changed in changes))
        batch = {"batch": self.unit.batch.id, "undoes": None}
        events = list(item_events(counted, counted.revision + 1, [changed.after for changed in changes], **batch))
        await directives.save(self.unit.connection, replace(counted, revision=events[-1].revision))
        await cases.append(self.unit.connection, events, self.unit.now, {"restored": True})
        await outbox.append_case_events(self.unit.connection, self.unit.topics, events, self.unit.now)

    async def _add(self, directive: Directive, new: Sequence[Changed]) -> None:
        """Items of which nothing was left but their keys."""
        if not new:
            return
        position = await items.last_position(self.unit.connection, directive.id) + 1
        await items.add(
            self.unit.connection,
            directive.id,
            {changed.after.target: [changed.after.target] for changed in new},
            [changed.after for changed in new],
            at=self.unit.now,
            batch=self.unit.batch.id,
            first_position=position,
        )
        self.unit.batch.add(directive, new)


def _item(on_target: Witnesses, id_: DirectiveId, target: Target) -> Item:
    return on_target[id_].item if id_ in on_target else Item(target=target)
