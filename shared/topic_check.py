"""Whether topics are as the contract needs them. Pure: what was found comes in, what is wrong comes out.

Promises: every setting that keeps events from being lost is looked at; what the broker does not tell is never taken for right.
Does not promise: to see what somebody changes after the start.
Would break it: a setting in `TopicSpec.config` that is neither in `_AT_LEAST` nor compared as a set of words.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.topics import TopicSpec

PARTITIONS = "partitions"
REPLICATION = "replication.factor"
IN_SYNC = "min.insync.replicas"

_AT_LEAST = frozenset({IN_SYNC, "retention.ms", "min.compaction.lag.ms"})
"""Settings of which more is as good."""

_FOR_EVER = -1
_RUNBOOK = "docs/runbooks/change-partition-count.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Below that nothing is published, whatever else is tolerated."""

    replication: int = 1
    in_sync: int = 1


SAFE = Floor(replication=3, in_sync=2)
"""One broker may be lost with all that is on it, and another may be down meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A topic as the broker tells of it. `config` is None if it does not tell."""

    partitions: int
    replication: int
    config: Mapping[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """`tolerable`: it may be lived with for a while. What is not would move keys, or lose what was acknowledged."""

    topic: str
    setting: str
    found: str
    wanted: str
    mend: str
    tolerable: bool = True

    def __str__(self) -> str:
        return f"{self.topic}: {self.setting} is {self.found}, wanted {self.wanted}\n    {self.mend}"


@dataclass(frozen=True, slots=True)
class TopicReport:
    """`unverifiable` names topics whose settings the broker does not tell."""

    mismatches: tuple[Mismatch, ...] = ()
    unverifiable: tuple[str, ...] = ()

    def refused(self, *, strict: bool) -> tuple[Mismatch, ...]:
        """Why a start is refused, all at once; empty if it is not. In strict mode every mismatch counts."""
        if strict or not all(mismatch.tolerable for mismatch in self.mismatches):
            return self.mismatches
        return ()

    def __str__(self) -> str:
        wrong = [f"  {mismatch}" for mismatch in self.mismatches]
        unknown = [f"  {topic}: its settings are not verifiable, the broker does not tell them" for topic in self.unverifiable]
        return "\n".join(wrong + unknown)


class TopicMismatch(Exception):
    """Topics are not as the contract needs them; says all that is wrong, and how to mend it."""

    def __init__(self, report: TopicReport) -> None:
        super().__init__(f"{_HEADING}\n{report}\n{_MEND}")
        self.report = report


_HEADING = "These topics are not as the contract needs them:"
_MEND = (
    "Nothing is published or read until they are. GEOWITHHOLD_STRICT_TOPICS=false tolerates what neither moves keys nor loses\n"
    "events; in production GEOWITHHOLD_ALLOW_WEAK_REPLICATION=true allows fewer than 3 replicas, fewer than 2 of them in sync."
)


def check(specs: Mapping[str, TopicSpec], found: Mapping[str, Found], *, bootstrap: str, floor: Floor) -> TopicReport:
    """What is wrong with any of the topics. Every name in `specs` must have been found."""
    mismatches = [mismatch for name, spec in specs.items() for mismatch in _mismatches(spec, found[name], bootstrap, floor)]
    return TopicReport(tuple(mismatches), tuple(name for name in specs if found[name].config is None))


def _mismatches(spec: TopicSpec, found: Found, bootstrap: str, floor: Floor) -> Iterator[Mismatch]:
    if found.partitions != spec.partitions:
        keep = f"GEOWITHHOLD_PARTITIONS={found.partitions} keeps what is there; to change it: {_RUNBOOK}"
        yield Mismatch(
            topic=spec.name,
            setting=PARTITIONS,
            found=str(found.partitions),
            wanted=str(spec.partitions),
            mend=keep,
            tolerable=False,
        )
    copies = max(spec.replication, floor.replication)
    if found.replication < copies:
        yield Mismatch(
            topic=spec.name,
            setting=REPLICATION,
            found=str(found.replication),
            wanted=f"{copies} or more",
            mend=f"kafka-reassign-partitions.sh --bootstrap-server {bootstrap} --reassignment-json-file plan.json --execute"
            f" (in the plan: {copies} replicas of each partition of {spec.name})",
            tolerable=found.replication >= floor.replication,
        )
    if found.config is not None:
        yield from _settings(spec, found.config, bootstrap, floor)


def _settings(spec: TopicSpec, config: Mapping[str, str], bootstrap: str, floor: Floor) -> Iterator[Mismatch]:
    for setting, value in spec.config.items():
        least = floor.in_sync if setting == IN_SYNC else 0
        wanted = str(max(int(value), least)) if setting in _AT_LEAST else value
        present = config.get(setting, "unset")
        if not _is_enough(setting, present, wanted):
            yield Mismatch(
                topic=spec.name,
                setting=setting,
                found=present,
                wanted=f"{wanted} or more" if setting in _AT_LEAST else wanted,
                mend=f"kafka-configs.sh --bootstrap-server {bootstrap} --alter --entity-type topics --entity-name {spec.name}"
                f" --add-config {setting}={wanted}",
                tolerable=setting != IN_SYNC or _is_enough(setting, present, str(least)),
            )


def _is_enough(setting: str, present: str, wanted: str) -> bool:
    if setting not in _AT_LEAST:
        return set(present.split(",")) == set(wanted.split(","))
    try:
        number = int(present)
    except ValueError:
        return False
    return number >= int(wanted) or (setting == "retention.ms" and number == _FOR_EVER)
