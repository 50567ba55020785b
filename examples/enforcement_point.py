"""An enforcement point: keeps a view of what is withheld, hides and shows, and acknowledges each change.

KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 python -m examples.enforcement_point search IN
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from geowithhold import EnforcementPoint
from shared.clock import clock_from
from shared.events import WithholdingChanged


def hide_or_show(change: WithholdingChanged) -> None:
    """Here your system hides or shows the target. This one says what it would do."""
    print(f"{change.jurisdiction} {change.target} v{change.version}: {change.state}", flush=True)


async def main(name: str, *jurisdictions: str) -> None:
    clock_file = os.environ.get("GEOWITHHOLD_CLOCK_FILE")
    point = EnforcementPoint(
        name=name,
        bootstrap=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
        jurisdictions=jurisdictions,
        apply=hide_or_show,
        clock=clock_from(Path(clock_file) if clock_file else None),
        idle_pause_ms=int(os.environ.get("KAFKA_IDLE_PAUSE_MS", "0")),
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await point.run(stop)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
