"""The demo, as a user runs it: its figures are right, and a wrong one makes it fail."""

import json
import os
import subprocess
import sys

from rich.console import Console

from tools.demo.__main__ import REPORT, judge
from tools.demo.figures import Figures
from tools.supervisor import ROOT


def test_the_demo_replays_the_incident_and_every_figure_is_right() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.demo"],
        cwd=ROOT,
        env={**os.environ, "KEEP": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(REPORT.read_text())
    assert len(figures) > 60
    assert [figure for figure in figures if figure["observed"] != figure["expected"]] == []
    assert {figure["source"] for figure in figures} == {"api", "topic"}


def test_a_wrong_figure_makes_the_demo_fail_and_is_named() -> None:
    figures = Figures()
    figures.add("first.items", "a query", 257, 258)
    figures.add("second.items", "another", 1178, 1178)
    with Console(record=True, width=120) as console:
        status = judge(console, figures)

    told = console.export_text()
    assert status == 1
    assert "1 of 2 figures are wrong" in told
    assert "first.items" in told
