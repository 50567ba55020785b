"""The fault suite against bugs planted on purpose: `python -m tests.faults.mutation [NAME…]`.

Each bug lives in every process of a short run of its own, in the company of the faults under which it shows. Writes which
promise was seen to be broken into `mutations.json`, for `docs/faults.md`. Ends with 1 if a bug was not found.
"""

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.brokers import best_broker
from tests.faults.document import MUTATIONS
from tests.faults.mutants import MUTANTS
from tests.faults.run import Settings, carry_out
from tools.supervisor import ROOT

SEEDS = (7, 8, 9)
"""A bug needs the right moment: one of so many runs has to have it."""

OPERATIONS, FAULTS, MINUTES = 2_500, 10, 0.5
WITHOUT_FAULTS = 12_000
"""Operations, for a bug that needs no fault but one of the few requests that must be refused."""

QUIET_WITHIN = 60.0
"""Some bugs show in that it never comes to rest."""

FOLDER = ROOT / "build" / "faults" / "mutants"
LONGEST = 200


async def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.mutation", description="Planted bugs, and a suite to find them."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(MUTANTS)}; all if none is named")
    parser.add_argument("--keep", action="store_true", help="write what was found for docs/faults.md")
    settings = parser.parse_args(argv)
    logging.disable(logging.CRITICAL)  # clients of a broker that is down on purpose say so, again and again
    found = {name: await _hunt(name) for name in settings.names or MUTANTS}
    if settings.keep:
        _keep({_said_of(name): evidence for name, evidence in found.items() if evidence})
    missed = [name for name, evidence in found.items() if not evidence and not MUTANTS[name].rare]
    print(
        f"{len(found) - len(missed)} of {len(found)} planted bugs were found" + (f"; not {', '.join(missed)}" if missed else "")
    )
    return 1 if missed else 0


def _keep(found: Mapping[str, str]) -> None:
    """Beside what was found in earlier runs, of bugs that there still are."""
    kept = {each["bug"]: each["found_by"] for each in json.loads(MUTATIONS.read_text())} if MUTATIONS.exists() else {}
    rows = [{"bug": bug, "found_by": (kept | dict(found))[bug]} for bug in map(_said_of, MUTANTS) if bug in kept or bug in found]
    MUTATIONS.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")


async def _hunt(name: str) -> str:
    """The first promise that is seen to be broken; nothing if none is."""
    for seed in SEEDS:
        outcome = await carry_out(_settings(name, seed, FOLDER / f"{name}-{seed}"))
        if outcome["violations"]:
            evidence = f"seed {seed}: {outcome['first_violations'][0]}"[:LONGEST]
            print(f"{name}: found, {evidence}", flush=True)
            return evidence
        print(f"{name}: not found with seed {seed}", flush=True)
    return ""


def _settings(name: str, seed: int, out: Path) -> Settings:
    only = MUTANTS[name].only
    return Settings(
        seed=seed,
        operations=OPERATIONS if only else WITHOUT_FAULTS,
        faults=FAULTS if only else 0,
        minutes=MINUTES,
        broker=best_broker(),
        mutant=name,
        only=only or "",
        quiet_within=QUIET_WITHIN,
        out=out,
    )


def _said_of(name: str) -> str:
    return f"`{name}`: {(MUTANTS[name].plant.__doc__ or '').strip()}"


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
