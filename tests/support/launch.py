"""Runs a module of ours in which a fault falls at a named step: `python -m tests.support.launch STEP=ACTION@N… MODULE ARGUMENT…`.

`command.committed=kill@3` kills the process, as `kill -9` does, when that step is reached for the third time; `stop` stops it,
until somebody continues it. With `GEOWITHHOLD_TEST_FAULTS` naming a folder each fault happens once, however often the process is
started again, and leaves a file there, by which a test knows that it did.
"""

import os
import re
import runpy
import signal
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.steps import Step, observe

FOLDER = "GEOWITHHOLD_TEST_FAULTS"

_ACTIONS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
_FAULT = re.compile(rf"(?P<step>[a-z_.]+)=(?P<action>{'|'.join(_ACTIONS)})@(?P<nth>[1-9]\d*)")


@dataclass(frozen=True, slots=True)
class Fault:
    step: Step
    action: str
    nth: int

    def __str__(self) -> str:
        return f"{self.step}={self.action}@{self.nth}"


def read_fault(text: str) -> Fault | None:
    """The fault that an argument names, None if it names none. Raises ValueError for a step that does not exist."""
    found = _FAULT.fullmatch(text)
    return Fault(Step(found["step"]), found["action"], int(found["nth"])) if found else None


def injector(faults: Sequence[Fault], folder: Path | None, act: Callable[[Fault], None]) -> Callable[[Step], None]:
    """An observer that lets each fault happen when its step has been reached so often, unless it has left its file before."""
    seen: Counter[Step] = Counter()

    def observer(step: Step) -> None:
        seen[step] += 1
        for fault in faults:
            if (fault.step, fault.nth) == (step, seen[step]) and _is_first(fault, folder):
                act(fault)

    return observer


def _is_first(fault: Fault, folder: Path | None) -> bool:
    if folder is None:
        return True
    try:
        (folder / str(fault)).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _act(fault: Fault) -> None:
    os.kill(os.getpid(), _ACTIONS[fault.action])


def command(faults: Sequence[str], module: str, *arguments: str) -> list[str]:
    """What starts the module with these faults."""
    return [sys.executable, "-m", __name__, *faults, module, *arguments]


def main(argv: Sequence[str]) -> None:
    faults = [fault for fault in map(read_fault, argv) if fault]
    module, *arguments = argv[len(faults) :]
    folder = os.environ.get(FOLDER)
    observe(injector(faults, Path(folder) if folder else None, _act))
    sys.argv = [module, *arguments]
    runpy.run_module(f"{module}.__main__", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
