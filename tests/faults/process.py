"""Runs a module of ours so that a fault can fall at any of its steps, whenever it is asked for.

`python -m tests.faults.process NAME MODULE ARGUMENT…`

The nemesis writes what is to happen to `NAME` into a file of the folder `GEOWITHHOLD_FAULT_PLANS`, while it runs. When the
step has been reached so often, the process leaves a file that says so, and is killed or stopped as by somebody else. With
`GEOWITHHOLD_MUTANT` it begins with that planted bug.
"""

import json
import os
import runpy
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from shared.events import Record
from shared.outbox.publisher import KafkaPublisher
from shared.outbox.table import Lane
from shared.steps import Step, observe
from tests.faults.mutants import MUTANTS

FOLDER, MUTANT = "GEOWITHHOLD_FAULT_PLANS", "GEOWITHHOLD_MUTANT"

_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`action` is kill, stop or swallow; `id` names the file that shows that it was done.

    Where the others name a step, `swallow` names a topic: a batch for it is taken to be acknowledged, and was never sent.
    """

    id: str
    step: str
    nth: int
    action: str


def ask(folder: Path, process: str, plan: Plan) -> None:
    """From now on the process counts, and does it. The file is replaced whole, so that nobody reads half of it."""
    written = folder / f"{process}.new"
    written.write_text(json.dumps(asdict(plan)))
    written.replace(folder / f"{process}.plan")


def withdraw(folder: Path, process: str) -> None:
    (folder / f"{process}.plan").unlink(missing_ok=True)


def was_done(folder: Path, plan: Plan) -> bool:
    return (folder / f"{plan.id}.done").exists()


def swallowed(folder: Path) -> frozenset[str]:
    """The ids of all events that never left."""
    return frozenset(name for path in folder.glob("*-swallow.done") for name in path.read_text().split("\n"))


class Watcher:
    """An observer of steps that follows the plan of its process, as it stands at that moment."""

    def __init__(self, folder: Path, process: str) -> None:
        self._folder, self._file = folder, folder / f"{process}.plan"
        self._stamp = 0
        self._plan: Plan | None = None
        self._left = 0

    def __call__(self, step: Step) -> None:
        plan = self._due(step.value)
        if plan and plan.action in _SIGNALS:
            self._leave(plan, [])
            os.kill(os.getpid(), _SIGNALS[plan.action])

    def swallows(self, lane: Lane, records: Sequence[Record]) -> bool:
        plan = self._due(lane.topic)
        if plan:
            self._leave(plan, [dict(record.headers)["ce_id"].decode() for record in records])
        return plan is not None

    def _due(self, place: str) -> Plan | None:
        """The plan, if this is where it is to happen, and it is time."""
        self._look()
        if self._plan is None or place != self._plan.step:
            return None
        self._left -= 1
        return self._plan if self._left == 0 else None

    def _leave(self, plan: Plan, ids: Sequence[str]) -> None:
        """The file appears whole: whoever sees it reads all of it."""
        done = self._folder / f"{plan.id}.done"
        under_way = done.with_suffix(".new")
        under_way.write_text("\n".join(ids))
        under_way.replace(done)
        self._file.unlink(missing_ok=True)

    def _look(self) -> None:
        try:
            stamp = self._file.stat().st_mtime_ns
            if stamp != self._stamp:
                self._plan, self._stamp = Plan(**json.loads(self._file.read_text())), stamp
                self._left = self._plan.nth
        except FileNotFoundError:
            self._plan, self._stamp = None, 0


def _let_swallow(watcher: Watcher) -> None:
    publish = KafkaPublisher.publish

    async def perhaps(self: KafkaPublisher, lane: Lane, records: Sequence[Record]) -> int | None:
        return None if watcher.swallows(lane, records) else await publish(self, lane, records)

    KafkaPublisher.publish = perhaps  # type: ignore[method-assign]


def main(argv: list[str]) -> None:
    name, module, *arguments = argv
    watcher = Watcher(Path(os.environ[FOLDER]), name)
    observe(watcher)
    _let_swallow(watcher)
    mutant = os.environ.get(MUTANT)
    if mutant:
        MUTANTS[mutant].plant()
    sys.argv = [module, *arguments]
    runpy.run_module(f"{module}.__main__", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
