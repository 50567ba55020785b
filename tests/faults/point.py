"""An enforcement point as a process, which writes down what it applies.

`python -m tests.faults.point NAME BOOTSTRAP FILE PAUSE PLACE…`
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from uuid import uuid4

from geowithhold import EnforcementPoint
from shared.clock import clock_from
from shared.events import WithholdingChanged


async def run(name: str, bootstrap: str, file: Path, pause: int, places: list[str]) -> None:
    stop, life = asyncio.Event(), uuid4().hex[:8]
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    clock_file = os.environ.get("GEOWITHHOLD_CLOCK_FILE")
    with file.open("a") as log:

        def apply(change: WithholdingChanged) -> None:
            entry = {"run": life, "place": change.jurisdiction, "target": change.target, "version": change.version}
            log.write(json.dumps({**entry, "state": change.state}) + "\n")
            log.flush()

        point = EnforcementPoint(
            name=name,
            bootstrap=bootstrap,
            jurisdictions=places,
            apply=apply,
            clock=clock_from(Path(clock_file) if clock_file else None),
            idle_pause_ms=pause,
        )
        await point.run(stop)


if __name__ == "__main__":
    named, address, path, idle, *where = sys.argv[1:]
    asyncio.run(run(named, address, Path(path), int(idle), where))
