"""`make demo`: replays the incident and checks every figure. With KEEP=1 everything is left running."""

import os
import shutil
import signal
import sys

from rich.console import Console
from rich.table import Table

from tools.broker import BrokerError
from tools.demo.figures import Figures
from tools.demo.finale import note_end_state
from tools.demo.http import UnexpectedAnswer
from tools.demo.incident import at, expected
from tools.demo.kept import Hold, in_background, stop_kept
from tools.demo.law import Ledger, expected_law
from tools.demo.scene import Scene, TooLate, set_scene
from tools.demo.story import play
from tools.stack import StackError
from tools.supervisor import ROOT, interruptible

BUILD = ROOT / "build"
REPORT = BUILD / "demo.json"
STATE = BUILD / "demo"


def main() -> int:
    """Gives the exit status: 0 only if every figure is right."""
    stop_kept(BUILD)
    if os.environ.get("KEEP"):
        return in_background(BUILD, perform)
    return perform(None)


def perform(hold: Hold | None) -> int:
    """Plays the story on a fresh stack and gives the exit status; `hold`, if any, keeps the stack running after that."""
    console = Console(width=120)
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    try:
        with interruptible(), set_scene(STATE, console, begin=at(1, 31, 7)) as scene:
            status = _play_and_report(scene)
            if hold:
                _print_addresses(scene)
                hold(status)
    except (BrokerError, StackError, TooLate, UnexpectedAnswer) as error:
        console.print(f"[bold red]The demo failed:[/] {error}")
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return status


def _play_and_report(scene: Scene) -> int:
    figures, want = Figures(), expected()
    ledger = Ledger(scene, figures, expected_law())
    try:
        note_end_state(scene, figures, want, play(scene, figures, want, ledger), ledger)
    finally:
        figures.write(REPORT)
    return judge(scene.console, figures)


def judge(console: Console, figures: Figures) -> int:
    """Says whether the figures are right, and shows those that are not. Gives the exit status."""
    where = REPORT.relative_to(ROOT)
    if not figures.wrong:
        console.print(f"[bold green]All {len(figures.all)} figures are right[/]; they are in {where}.")
        return 0
    table = Table(title=f"{len(figures.wrong)} of {len(figures.all)} figures are wrong; all are in {where}")
    for column in ("figure", "query", "observed", "expected"):
        table.add_column(column)
    for figure in figures.wrong:
        table.add_row(figure.name, figure.query, str(figure.observed), str(figure.expected))
    console.print(table)
    return 1


def _print_addresses(scene: Scene) -> None:
    stack = scene.stack
    scene.console.print(
        f"\nEverything is left running on the clock of February 2021:\n"
        f"  blocklist  {stack.blocklist_url}\n  notifier   {stack.notifier_url}\n  Kafka      {stack.bootstrap}\n"
        f"  logs       {stack.log_dir}\n\n"
        f"  kcat -b {stack.bootstrap} -t geowithhold.withholdings.v1 -C -f '%k %h %s\\n' -e\n\n"
        f"Stop it with: make stop",
        highlight=False,
        soft_wrap=True,
    )


if __name__ == "__main__":
    sys.exit(main())
