"""Figures: each is a named query with its source, what was observed, and what the incident says it should be."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Source = Literal["api", "topic"]


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    query: str
    source: Source
    observed: Any
    expected: Any

    @property
    def right(self) -> bool:
        return bool(self.observed == self.expected)


class Figures:
    """Collects what was observed. Nothing in here is computed from what was expected."""

    def __init__(self) -> None:
        self._figures: list[Figure] = []

    def add(self, name: str, query: str, observed: Any, expected: Any, *, source: Source = "api") -> None:
        self._figures.append(Figure(name, query, source, observed, expected))

    def compare(self, prefix: str, query: str, observed: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
        """One figure for each name that is expected; a name that was not observed is wrong, not missing."""
        for name, value in expected.items():
            self.add(f"{prefix}.{name}", query, observed.get(name), value)

    @property
    def all(self) -> list[Figure]:
        return list(self._figures)

    @property
    def wrong(self) -> list[Figure]:
        return [figure for figure in self._figures if not figure.right]

    def write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps([asdict(figure) for figure in self._figures], indent=1, ensure_ascii=False) + "\n")
