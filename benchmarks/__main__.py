"""`python -m benchmarks`: runs every benchmark, one after the other, and writes their figures to `build/bench.json`."""

import json
from pathlib import Path

from benchmarks import clocks

ALL = (clocks,)


def main() -> None:
    for benchmark in ALL:
        benchmark.main([])
    figures = [json.loads(file.read_text()) for file in sorted(Path("build/bench").glob("*.json"))]
    Path("build/bench.json").write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
