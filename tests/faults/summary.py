"""What a run came to: figures, the time to recover after each kind of fault, and the verdict."""

import json
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults.checker.evidence import Evidence, Violation
from tests.faults.history import History
from tests.faults.nemesis import Nemesis

Outcome = dict[str, Any]

SHOWN = 20


def summary_of(
    found: Evidence, violations: Sequence[Violation], nemesis: Nemesis, history: History, *, broker: str, seconds: float
) -> Outcome:
    """`operations` are acts on one target that the blocklist carried out: versions of items that are in its database."""
    statuses = Counter(str(each.status or "no answer") for told in found.told for each in told.attempts)
    return {
        "seed": nemesis.seed,
        "broker": broker,
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "minutes": round(seconds / 60, 1),
        "operations": len(found.items),
        "requests": history.requests,
        "attempts": history.attempts,
        "answers": dict(sorted(statuses.items())),
        "directives": len(found.directives),
        "keys": len(found.by_key),
        "versions": len(found.intent),
        "records": len(found.published),
        "effective_faults": nemesis.took.total(),
        "faults": {kind: _fault(kind, nemesis) for kind in sorted(nemesis.took.keys() | nemesis.missed.keys())},
        "rest_after_seconds": None if found.quiet_after is None else round(found.quiet_after, 2),
        "problems": nemesis.problems,
        "violations": len(violations),
        "first_violations": [str(each)[:500] for each in violations[:SHOWN]],
    }


def _fault(kind: str, nemesis: Nemesis) -> Mapping[str, Any]:
    times = nemesis.recoveries.get(kind, [])
    median, longest = (round(statistics.median(times), 1), round(max(times), 1)) if times else (None, None)
    return {
        "took_effect": nemesis.took[kind],
        "did_not": nemesis.missed[kind],
        "recovery_median_seconds": median,
        "recovery_longest_seconds": longest,
    }


def write(path: Path, outcome: Outcome) -> None:
    path.write_text(json.dumps(outcome, indent=2) + "\n")


def show(outcome: Outcome, folder: Path) -> None:
    """On the terminal."""
    print(f"{'fault':34} {'took effect':>11} {'did not':>8} {'recovery, median':>17} {'longest':>8}")
    for kind, each in outcome["faults"].items():
        median, longest = each["recovery_median_seconds"], each["recovery_longest_seconds"]
        print(f"{kind:34} {each['took_effect']:11} {each['did_not']:8} {_seconds(median):>17} {_seconds(longest):>8}")
    names = ("seed", "broker", "minutes", "operations", "requests", "attempts", "versions", "records", "effective_faults")
    print(", ".join(f"{name} {outcome[name]}" for name in names))
    print(f"answers: {outcome['answers']}; at rest after {outcome['rest_after_seconds']} s")
    for problem in outcome["problems"]:
        print(f"  ({problem[:500]})")
    for violation in outcome["first_violations"]:
        print(f"VIOLATION {violation}")
    print(f"verdict: {outcome['violations']} violations; all of it in {folder}")


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"
