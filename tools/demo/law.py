"""What the law says at each date: status, clocks, correspondence and exposure of each directive, as observed on that day.

The same is asked again at the end, as of each date: what was so then must be told so for ever.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from rich.table import Table

from tools.demo.figures import Figures
from tools.demo.incident import FOLDER
from tools.demo.scene import Scene

Expected = Mapping[str, Mapping[str, Mapping[str, Any]]]


def expected_law() -> Expected:
    """Date → directive → what is to be seen of it."""
    found: Expected = json.loads((FOLDER / "law.json").read_text(encoding="utf-8"))
    return found


@dataclass(slots=True)
class Ledger:
    """Notes how each directive stands at the end of each date, and at which instant that was."""

    scene: Scene
    figures: Figures
    expected: Expected
    instants: dict[str, datetime] = field(default_factory=dict)
    observed: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)

    def note(self, date: str, **directives: str) -> None:
        """Waits until the directives stand as they should on that date, and notes it; what never comes is noted as it is."""
        for name, id_ in directives.items():
            wanted = self.expected[date][name]
            seen = self.scene.settle(partial(self._seen, f"/v1/directives/{id_}/compliance"), wanted)
            self.figures.compare(f"{date}.{name}", f"GET notifier /v1/directives/{{{name}}}/compliance on {date}", seen, wanted)
            self.observed.append((date, name, seen))
        self.instants[date] = self.scene.instant()

    def note_as_of(self, **directives: str) -> None:
        """Asks again, now, how everything stood at each date."""
        for date, instant in self.instants.items():
            for name, wanted in self.expected[date].items():
                query = f"GET notifier /v1/directives/{{{name}}}/compliance?as_of={instant.isoformat()}"
                seen = self._seen(f"/v1/directives/{directives[name]}/compliance", as_of=instant.isoformat())
                self.figures.compare(f"as_of.{date}.{name}", query, seen, wanted)

    def table(self) -> Table:
        """What was observed, day by day."""
        table = Table(title="How each directive stood, day by day")
        for column in ("date", "directive", "status", "clocks", "notices", "replies", "unmet", "since"):
            table.add_column(column, justify="right" if column in ("notices", "replies", "unmet") else "left")
        for date, name, seen in self.observed:
            clocks = ", ".join(f"{duty} {state}" for duty, state in seen["clocks"].items())
            figures = (seen["notices"], seen["replies"], seen["unmet_items"], seen["since"] or "never")
            table.add_row(date, name, seen["status"], clocks, *map(str, figures))
        return table

    def _seen(self, path: str, **query: str) -> dict[str, Any]:
        found = self.scene.notifier.find(path, **query)
        if found is None:
            return {}
        exposure = found["exposure"]
        return {
            "status": found["status"],
            "notices": found["notices"],
            "replies": found["replies"],
            "clocks": {clock["duty"]: clock["state"] for clock in found["clocks"]},
            "unmet_items": exposure["unmet_items"],
            "unmet": [reason["what"] for reason in exposure["unmet"]],
            "since": _to_the_minute(exposure["since"]),
            "days": max((clause["days"] for clause in exposure["clauses"]), default=0),
            "cited": any(clause["cited"] for clause in exposure["clauses"]),
        }


def _to_the_minute(instant: str | None) -> str | None:
    """The clock of the story runs on between the acts, by less than a minute."""
    return f"{datetime.fromisoformat(instant):%Y-%m-%dT%H:%MZ}" if instant else None
