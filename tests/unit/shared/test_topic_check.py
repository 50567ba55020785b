"""What is wrong with topics: every setting, each way in which it can be wrong, and what may be lived with."""

from dataclasses import replace

import pytest

from shared.topic_check import SAFE, Floor, Found, Mismatch, TopicMismatch, TopicReport, check
from shared.topics import Topics, TopicSpec

TOPICS = Topics(partitions=6, replication=3)
SPECS = {spec.name: spec for spec in TOPICS.specs()}
STATE = TOPICS.withholdings
CASES = TOPICS.directives


def right(spec: TopicSpec) -> Found:
    defaults = {"retention.ms": "604800000", "min.compaction.lag.ms": "0", "cleanup.policy": "delete"}
    return Found(partitions=spec.partitions, replication=spec.replication, config=defaults | spec.config)


def found(topic: str, **changes: str) -> dict[str, Found]:
    """All topics as they should be, but for these settings of one; `_` stands for a dot."""
    topics = {name: right(spec) for name, spec in SPECS.items()}
    config = {**(topics[topic].config or {}), **{name.replace("_", "."): value for name, value in changes.items()}}
    return topics | {topic: replace(topics[topic], config=config)}


def report(topics: dict[str, Found], floor: Floor = SAFE) -> TopicReport:
    return check(SPECS, topics, bootstrap="kafka:9092", floor=floor)


def told(one: TopicReport) -> list[tuple[str, str, str, str]]:
    return [(mismatch.topic, mismatch.setting, mismatch.found, mismatch.wanted) for mismatch in one.mismatches]


def test_topics_made_as_the_contract_says_are_right() -> None:
    assert report(found(STATE)) == TopicReport()


@pytest.mark.parametrize(
    ("topic", "setting", "value", "wanted"),
    [
        (STATE, "cleanup.policy", "delete", "compact"),
        (STATE, "cleanup.policy", "compact,delete", "compact"),
        (STATE, "min.compaction.lag.ms", "0", "604800000 or more"),
        (STATE, "min.insync.replicas", "1", "2 or more"),
        (CASES, "cleanup.policy", "compact", "delete"),
        (CASES, "retention.ms", "604800000", "31536000000 or more"),
        (CASES, "retention.ms", "for ever", "31536000000 or more"),
    ],
)
def test_each_setting_that_loses_events_is_seen_and_how_to_mend_it(topic: str, setting: str, value: str, wanted: str) -> None:
    (mismatch,) = report(found(topic, **{setting.replace(".", "_"): value})).mismatches

    assert (mismatch.topic, mismatch.setting, mismatch.found, mismatch.wanted) == (topic, setting, value, wanted)
    assert mismatch.mend == (
        f"kafka-configs.sh --bootstrap-server kafka:9092 --alter --entity-type topics --entity-name {topic} "
        f"--add-config {setting}={wanted.removesuffix(' or more')}"
    )


@pytest.mark.parametrize(
    ("topic", "setting", "value"),
    [
        (CASES, "retention.ms", "-1"),
        (CASES, "retention.ms", "99999999999999"),
        (STATE, "min.compaction.lag.ms", "99999999999999"),
        (STATE, "min.insync.replicas", "3"),
    ],
)
def test_more_than_is_wanted_is_as_good(topic: str, setting: str, value: str) -> None:
    assert report(found(topic, **{setting.replace(".", "_"): value})) == TopicReport()


def test_a_setting_that_a_broker_leaves_out_is_not_taken_for_right() -> None:
    topics = found(STATE)
    topics[CASES] = replace(topics[CASES], config={})

    assert {setting for _topic, setting, present, _wanted in told(report(topics)) if present == "unset"} == {
        "cleanup.policy",
        "retention.ms",
        "min.insync.replicas",
    }


@pytest.mark.fault(19)
@pytest.mark.parametrize("strict", [True, False])
def test_another_partition_count_is_never_tolerated(*, strict: bool) -> None:
    topics = found(STATE)
    topics[STATE] = replace(topics[STATE], partitions=12)

    (mismatch,) = report(topics).refused(strict=strict)

    assert (mismatch.setting, mismatch.found, mismatch.wanted) == ("partitions", "12", "6")
    assert "GEOWITHHOLD_PARTITIONS=12" in mismatch.mend
    assert "docs/runbooks/change-partition-count.md" in mismatch.mend


@pytest.mark.fault(19)
def test_what_is_below_the_floor_is_never_tolerated_and_what_is_above_it_may_be() -> None:
    topics = found(STATE, min_insync_replicas="1")
    topics[CASES] = replace(topics[CASES], replication=2)

    in_production, elsewhere = report(topics, SAFE), report(topics, Floor())

    assert (
        told(in_production)
        == told(elsewhere)
        == [
            (STATE, "min.insync.replicas", "1", "2 or more"),
            (CASES, "replication.factor", "2", "3 or more"),
        ]
    )
    assert [len(one.refused(strict=False)) for one in (in_production, elsewhere)] == [2, 0]
    assert [len(one.refused(strict=True)) for one in (in_production, elsewhere)] == [2, 2]


def test_topics_that_were_wanted_weak_are_still_below_the_floor() -> None:
    weak = {spec.name: spec for spec in Topics(replication=1).specs()}

    found_weak = check(weak, {name: right(spec) for name, spec in weak.items()}, bootstrap="kafka:9092", floor=SAFE)

    assert {(mismatch.setting, mismatch.wanted) for mismatch in found_weak.mismatches} == {
        ("replication.factor", "3 or more"),
        ("min.insync.replicas", "2 or more"),
    }


def test_what_the_broker_does_not_tell_is_neither_wrong_nor_right() -> None:
    topics = found(STATE)
    topics[CASES] = replace(topics[CASES], config=None)

    one = report(topics)

    assert (one.mismatches, one.unverifiable, one.refused(strict=True)) == ((), (CASES,), ())
    assert f"{CASES}: its settings are not verifiable" in str(one)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    topics = found(STATE, cleanup_policy="delete", min_compaction_lag_ms="0")
    topics[CASES] = replace(topics[CASES], partitions=1)

    message = str(TopicMismatch(report(topics)))

    for line in (
        f"{STATE}: cleanup.policy is delete, wanted compact",
        f"{STATE}: min.compaction.lag.ms is 0, wanted 604800000 or more",
        f"{CASES}: partitions is 1, wanted 6",
        "GEOWITHHOLD_STRICT_TOPICS=false",
        "GEOWITHHOLD_ALLOW_WEAK_REPLICATION=true",
    ):
        assert line in message


def test_a_mismatch_names_topic_setting_found_wanted_and_the_command() -> None:
    one = Mismatch(topic="t", setting="s", found="1", wanted="2", mend="do this")

    assert str(one) == "t: s is 1, wanted 2\n    do this"
