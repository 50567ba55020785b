"""`python -m tools.dashboards` writes the dashboards; with `--check` it only says whether the committed ones are up to date."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from tools.dashboards import overview
from tools.supervisor import ROOT

FOLDER = ROOT / "deploy" / "grafana"


def main(argv: list[str], folder: Path = FOLDER) -> int:
    """Returns 1 when `--check` finds a dashboard that is not as the code builds it, and names it on stderr."""
    parser = argparse.ArgumentParser(prog="python -m tools.dashboards", description="Builds the Grafana dashboards.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a committed dashboard is out of date")
    if not parser.parse_args(argv).check:
        write(folder)
        return 0
    outdated = out_of_date(folder)
    for file in outdated:
        print(f"{file} is not what tools/dashboards builds: run `make dashboards` and commit the result", file=sys.stderr)
    return 1 if outdated else 0


def rendered() -> Mapping[str, str]:
    """The text of each dashboard by its file name; the same code gives the same bytes."""
    boards = {f"{overview.UID}.json": overview.build().build()}
    return {name: json.dumps(board, cls=JSONEncoder, indent=2, sort_keys=True) + "\n" for name, board in boards.items()}


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in rendered().items():
        (folder / name).write_text(text, encoding="utf-8")


def out_of_date(folder: Path) -> list[Path]:
    """The files that are missing or differ from what the code builds."""
    files = {folder / name: text for name, text in rendered().items()}
    return [file for file, text in files.items() if not file.exists() or file.read_text(encoding="utf-8") != text]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
