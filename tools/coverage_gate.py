"""Holds the coverage limits: run after pytest, it reads `.coverage`, prints what misses and fails when a limit is broken.

The files that keep the two promises of the product (never block wider, never lose or reorder a change) need every line
and every branch; all the code together needs 95 %.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from coverage import Coverage
from coverage.exceptions import CoverageException

from tools.supervisor import ROOT

OVERALL = 95.0
SHOWN = 12
COMPLETE = (
    "services/*/domain*",
    "services/*/outbox*",
    "services/notifier/consumer*",
    "shared/outbox*",
)

Report = Mapping[str, Any]


def main() -> int:
    """Returns 0 when all limits are kept, 1 with the reasons on stderr."""
    try:
        report = load(ROOT)
    except CoverageException as error:
        print(f"no coverage to judge: {error}", file=sys.stderr)
        return 1
    found = list(problems(report))
    for problem in found:
        print(f"coverage: {problem}", file=sys.stderr)
    complete = sum(1 for path in report["files"] if must_be_complete(path))
    print(f"coverage: {report['totals']['percent_covered']:.2f} % overall, {complete} files that must be complete")
    return 1 if found else 0


def load(root: Path) -> Report:
    """The data of the last run, as the dictionary that `coverage json` writes. Raises CoverageException without data."""
    coverage = Coverage(data_file=str(root / ".coverage"), config_file=str(root / "pyproject.toml"))
    coverage.load()
    with tempfile.TemporaryDirectory() as folder:
        outfile = Path(folder) / "coverage.json"
        coverage.json_report(outfile=str(outfile))
        report: Report = json.loads(outfile.read_text())
    return report


def problems(report: Report) -> Iterator[str]:
    """What breaks a limit, in words."""
    for path, measured in sorted(report["files"].items()):
        if must_be_complete(path) and (missing := list(_missing(measured))):
            more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
            yield f"{path} must be covered wholly, these are not: {', '.join(missing[:SHOWN])}{more}"
    percent = report["totals"]["percent_covered"]
    if percent < OVERALL:
        yield f"{percent:.2f} % of lines and branches are covered, the limit is {OVERALL:g} %"


def must_be_complete(path: str) -> bool:
    return any(fnmatch(path.replace("\\", "/"), pattern) for pattern in COMPLETE)


def _missing(measured: Report) -> Iterator[str]:
    yield from (f"line {line}" for line in measured["missing_lines"])
    for start, end in measured.get("missing_branches", ()):  # absent when nothing of ours ran
        yield f"branch {start} to {end if end > 0 else 'exit'}"


if __name__ == "__main__":
    sys.exit(main())
