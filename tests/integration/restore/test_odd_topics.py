"""What a restore makes of topics that lack something, say something twice, or say what nobody can know."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.domain.batch import BatchId, OpenBatch
from services.blocklist.handlers.forward.correspondence import UNKNOWN_TEXT
from services.blocklist.handlers.unit import Unit
from services.blocklist.outbox import RELAY_TABLES, SOURCE
from services.blocklist.restore import Restoration
from shared.backup import Manifest
from shared.db import Database
from shared.events import (
    CaseEvent,
    Counts,
    DirectiveAccepted,
    DirectiveAppealed,
    DirectiveConfirmed,
    DirectiveItems,
    DirectiveNoticed,
    DirectiveReceived,
    DirectiveReplied,
    ItemChanged,
    Payload,
    Position,
    Record,
    WithholdingChanged,
    encode,
    placed,
)
from shared.ids import TargetType
from shared.outbox.sql import SqlRelayStore
from shared.outbox.table import Lane, row_of
from shared.topic_reader import Found
from tests.support.blocklist import TOPICS, Rows, all_rows, migrated
from tests.support.builders import IN, NOON, directive_id, target

MANIFEST = Manifest(service="blocklist", revision="", epoch=1, taken_at=datetime(2026, 3, 1, tzinfo=UTC), dialect="", tables=())
A, B, X = (directive_id(number) for number in (1, 2, 9))
LATER = NOON + timedelta(hours=1)
NONE = Counts(total=0, undecided=0, complied=0, refused=0, not_located=0, withdrawn=0, released={})


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with migrated(database_url) as made:
        yield made


def case(event: type[CaseEvent], revision: int, directive: str = A, /, **happened: Any) -> CaseEvent:
    common = {
        "directive": directive,
        "revision": revision,
        "jurisdictions": (IN,),
        "legal_basis": "in-it-act-69a",
        "status": "in_force",
        "issued_at": NOON,
        "received_at": NOON,
        "due_at": None,
        "counts": NONE,
        "authority": "in-meity",
        "reference": f"reference of {directive[-1]}",
    }
    return event(**{**common, **happened})


def received(directive: str = A, **more: Any) -> CaseEvent:
    return case(DirectiveReceived, 1, directive, **{"kind": "block", "expires_at": None, **more})


def items(revision: int, *changed: ItemChanged, directive: str = A) -> CaseEvent:
    return case(DirectiveItems, revision, directive, items=changed, counts=replace(NONE, total=1, complied=1))


def complied(name: str = "acct_1") -> ItemChanged:
    return ItemChanged(target=target(name), decision="complied", jurisdictions=(IN,), cause=None)


def version(number: int, *, directive: str = A, name: str = "acct_1", **more: Any) -> WithholdingChanged:
    withheld = number % 2 == 1
    values: dict[str, Any] = {
        "target": target(name),
        "target_type": TargetType.ACCOUNT,
        "jurisdiction": IN,
        "state": "withheld" if withheld else "released",
        "version": number,
        "cause": None if withheld else "error",
        "directives": (directive,),
        "effective_at": NOON + timedelta(minutes=number),
        "due_at": None,
        "label": "legal_demand",
    }
    return WithholdingChanged(**{**values, **more})


class Published:
    """Records, each as one of its partition, under an epoch."""

    def __init__(self) -> None:
        self.records: list[Found] = []

    def add(self, *events: Payload, epoch: int = 1) -> "Published":
        for event in events:
            subject = event.directive if isinstance(event, CaseEvent) else f"IN/{event.target}"  # type: ignore[union-attr]
            topic = TOPICS.directives if isinstance(event, CaseEvent) else TOPICS.withholdings
            record = encode(event, id="x", source=SOURCE, subject=subject, time=NOON)
            place = Found(topic, TOPICS.partition_of(subject), len(self.records), record)
            number = 1 + sum(each[:2] == place[:2] for each in self.records)
            self.records.append(place._replace(record=placed(record, Position(epoch, number))))
        return self


async def recover(database: Database, *published: Published) -> tuple[dict[str, list[str]], Rows]:
    """What somebody has to look at, and what is stored."""

    async def work(connection: AsyncConnection) -> dict[str, list[str]]:
        restoration = Restoration(Unit(connection, TOPICS, LATER, OpenBatch(id=BatchId("bat_restore"))), MANIFEST)
        restoration.has_read = True
        for each in published:
            for place in sorted({record[:2] for record in each.records}):
                await restoration.take([record for record in each.records if record[:2] == place])
        await restoration.roll_forward()
        await restoration.finish("a test")
        return restoration.report.lists

    lists = await database.write(work)
    return lists, await database.read(all_rows)


def only(rows: Rows, table: str) -> Any:
    (row,) = rows[table]
    return row


def versions(rows: Rows) -> list[int]:
    return [row["version"] for row in (*rows["withholding_history"], *rows["withholdings"])]


BLOCKED = (received(), items(2, complied()), version(1))


async def test_of_one_version_with_two_contents_the_later_epoch_is_right(database: Database) -> None:
    await recover(database, Published().add(*BLOCKED))
    other = version(1, label="local_law")

    lists, rows = await recover(database, Published().add(other, epoch=3))

    assert lists == {"told_otherwise": ["IN/account:acct_1@1"]}
    assert (only(rows, "withholdings")["label"], versions(rows)) == ("local_law", [1])
    assert only(rows, "system")["epoch"] == 4


async def test_of_one_version_with_two_contents_in_one_epoch_the_database_tells_its_own_again(database: Database) -> None:
    await recover(database, Published().add(*BLOCKED))

    lists, rows = await recover(database, Published().add(version(1, label="local_law")))

    assert lists["told_otherwise"] == ["IN/account:acct_1@1"]
    assert (only(rows, "withholdings")["label"], versions(rows)) == ("legal_demand", [1, 2])
    assert only(rows, "withholdings")["state"] == "withheld"


async def test_what_came_late_or_was_compacted_away_leaves_no_wrong_version(database: Database) -> None:
    published = Published().add(received(), items(2, complied()), version(5), version(3), version(5), version(4))

    _, rows = await recover(database, published)

    assert versions(rows) == [3, 4, 5]
    assert only(rows, "withholdings")["claimants"] == [A]


@pytest.mark.fault(46)
async def test_what_a_relay_of_a_lost_history_published_last_is_not_taken(database: Database) -> None:
    published = Published().add(*BLOCKED).add(version(2), epoch=2).add(version(3), epoch=1)

    _, rows = await recover(database, published)

    assert (only(rows, "withholdings")["version"], only(rows, "withholdings")["state"]) == (2, "released")


async def test_a_checkpoint_that_was_numbered_and_never_sent_leaves_its_number_to_another(database: Database) -> None:
    store, lane = SqlRelayStore(database, RELAY_TABLES, TOPICS, alone=True), Lane(TOPICS.checkpoints, 0)

    async def taken() -> list[int]:
        """The rows that are next in the lane; and they stay so while nothing is marked."""
        await database.write(lambda c: RELAY_TABLES.outbox.append(c, [row_of(lane, Record(b"0", b"{}", ()))], NOON))
        await store.ensure([lane])
        await store.beat("relay")
        holds = [hold for hold in await store.claim("relay", 100) if hold.lane == lane]
        first, again = [await store.take("relay", holds, 10) for _ in range(2)]
        assert first == again
        return [row.id for row in first[0].rows]

    lost = await taken()

    await recover(database, Published().add(*BLOCKED))

    assert len(lost) == 1
    assert len(await taken()) == 1


async def test_what_cannot_be_read_is_named_and_a_tombstone_tells_nothing(database: Database) -> None:
    published = Published().add(*BLOCKED)
    first = published.records[-1]
    published.records.append(first._replace(offset=7, record=first.record._replace(value=b"?")))
    published.records.append(first._replace(offset=8, record=first.record._replace(value=None)))

    lists, rows = await recover(database, published)

    (named,) = lists["not_readable"]
    assert named.startswith(f"{TOPICS.withholdings}/{first.partition}@7: ")
    assert versions(rows) == [1]


async def test_a_directive_whose_first_events_are_gone_is_there_and_named(database: Database) -> None:
    lists, rows = await recover(database, Published().add(items(7, complied()), version(1)))

    assert lists == {"received_before_what_is_published": [A], "events_missing": [A]}
    directive = only(rows, "directives")
    assert (directive["authority"], directive["kind"], directive["revision"]) == ("in-meity", "block", 7)
    assert only(rows, "withholdings")["claimants"] == [A]


async def test_a_reference_that_is_taken_and_a_predecessor_that_nobody_knows_are_named(database: Database) -> None:
    await recover(database, Published().add(received()))

    lists, rows = await recover(database, Published().add(received(B, reference="reference of 1", supersedes=X)))

    assert lists == {"reference_taken": [B], "supersedes_an_unknown": [B]}
    assert {row["id"]: row["reference"] for row in rows["directives"]} == {A: "reference of 1", B: f"reference of 1 ({B})"}


async def test_what_supersedes_what_is_known_whichever_came_first(database: Database) -> None:
    lists, rows = await recover(database, Published().add(received(A, supersedes=B), received(B)))

    assert lists == {}
    assert {row["id"]: row["supersedes"] for row in rows["directives"]} == {A: B, B: None}


async def test_clarifications_confirmations_and_letters_come_back_without_their_words(database: Database) -> None:
    noticed: dict[str, Any] = {"kind": "clarification", "provision": None, "notice_received_at": NOON, "notice_due_at": None}
    waiting = "awaiting_clarification"
    told: Sequence[CaseEvent] = (
        received(missing=("redress", "contact"), status=waiting),
        case(DirectiveNoticed, 2, notice="ntc_1", supplied=("redress",), status=waiting, **noticed),
        case(DirectiveReplied, 3, reply="rpl_1", kind="acknowledgement", sent_at=NOON, status=waiting),
    )
    lists, rows = await recover(database, Published().add(*told))
    assert (lists, only(rows, "directives")["missing"]) == ({}, ["contact"])
    assert (only(rows, "notices")["text"], only(rows, "notices")["elements"]) == (None, {"redress": UNKNOWN_TEXT})
    assert only(rows, "replies")["text"] is None

    lists, rows = await recover(
        database,
        Published().add(
            *told,
            case(DirectiveAccepted, 4, waived=("contact",)),
            case(DirectiveConfirmed, 5, confirmed_at=NOON, lapses_at=LATER),
        ),
    )
    assert lists == {"confirmed_in_part": [A]}
    assert (only(rows, "directives")["missing"], only(rows, "directives")["confirmed_at"]) == (None, NOON)
    assert (len(rows["notices"]), len(rows["replies"]), len(rows["case_events"])) == (1, 1, 5)


async def test_appeals_come_back_with_their_outcome(database: Database) -> None:
    def appealed(revision: int, appeal: str, outcome: str | None) -> CaseEvent:
        return case(DirectiveAppealed, revision, appeal=appeal, target=target(), outcome=outcome)

    await recover(database, Published().add(received(), appealed(2, "apl_1", None)))
    _, rows = await recover(database, Published().add(appealed(3, "apl_1", "rejected"), appealed(4, "apl_2", "rejected")))

    assert [(row["id"], row["state"], row["text"]) for row in rows["appeals"]] == [
        ("apl_1", "rejected", UNKNOWN_TEXT),
        ("apl_2", "rejected", UNKNOWN_TEXT),
    ]


async def test_of_one_revision_with_two_contents_the_later_epoch_is_right(database: Database) -> None:
    published = Published().add(received(), case(DirectiveConfirmed, 2, confirmed_at=NOON))
    published.add(case(DirectiveConfirmed, 2, confirmed_at=LATER), epoch=2).add(case(DirectiveConfirmed, 2, confirmed_at=NOON))

    _, rows = await recover(database, published)

    assert only(rows, "directives")["confirmed_at"] == LATER
