"""The incident's papers: two notices as a ministry sends them, the decisions on each, and the figures to expect."""

import csv
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "incident_2021"


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the platform decides: the targets it complies with, and those it refuses, by ground."""

    comply: Sequence[str]
    refuse: Mapping[str, Sequence[str]]


def notice(number: int) -> list[str]:
    """The lines of a notice, untouched: mixed forms, stray spaces, duplicates and all."""
    with (FOLDER / f"notice-{number}.csv").open(newline="", encoding="utf-8") as file:
        return [row["Link / Handle / Hashtag"] for row in csv.DictReader(file)]


def decisions(number: int) -> Decisions:
    comply: list[str] = []
    refuse: dict[str, list[str]] = defaultdict(list)
    with (FOLDER / f"decisions-{number}.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            (comply if row["decision"] == "comply" else refuse[row["ground"]]).append(row["target"])
    return Decisions(comply, refuse)


def expected() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))
    return found


def at(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    """An instant of 2021, in UTC."""
    return datetime(2021, month, day, hour, minute, tzinfo=UTC)
