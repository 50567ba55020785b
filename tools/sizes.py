"""Holds the size limits of the code: `python -m tools.sizes` prints the figures and fails when one is over its limit.

Small functions and files are what keeps this code readable; the limits are those of the style guide. A function is
counted from its `def` to its last line, docstring and comments included; empty files are not counted.
"""

import ast
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.supervisor import ROOT

CODE = ("services", "shared", "geowithhold", "tools")
TESTS = ("tests", "benchmarks", "examples")

LONGEST_FUNCTION = 50
LONGEST_FILE = 400
LONGEST_TEST_FILE = 500
MEDIAN_FUNCTION = 8
MEDIAN_FILE = 120


@dataclass(frozen=True, slots=True)
class Size:
    """How long one file, or one function in it, is."""

    where: str
    lines: int


@dataclass(frozen=True, slots=True)
class Sizes:
    files: Sequence[Size]
    functions: Sequence[Size]


def main() -> int:
    """Prints the figures, and the problems on stderr. Returns 1 when there is one."""
    code, tests = measure(ROOT, CODE), measure(ROOT, TESTS)
    print(summary("code", code))
    print(summary("tests", tests))
    found = problems(code, tests)
    for problem in found:
        print(f"too long: {problem}", file=sys.stderr)
    return 1 if found else 0


def measure(root: Path, folders: Iterable[str]) -> Sizes:
    """The sizes of every Python file below these folders, and of every function in them. A missing folder is empty."""
    files: list[Size] = []
    functions: list[Size] = []
    for path in (path for folder in folders for path in sorted((root / folder).rglob("*.py"))):
        source = path.read_text()
        where = path.relative_to(root).as_posix()
        if source.strip():
            files.append(Size(where, len(source.splitlines())))
            functions.extend(functions_of(source, where))
    return Sizes(files, functions)


def functions_of(source: str, where: str) -> Iterator[Size]:
    """The size of every function in a module, methods and nested ones too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Size(f"{where}:{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1)


def problems(code: Sizes, tests: Sizes) -> list[str]:
    """What is over its limit, in words; empty when all is well. Medians are asked of the code alone."""
    found = [*_over(code.files, LONGEST_FILE), *_over(tests.files, LONGEST_TEST_FILE)]
    found += _over([*code.functions, *tests.functions], LONGEST_FUNCTION)
    medians = (("file", code.files, MEDIAN_FILE), ("function", code.functions, MEDIAN_FUNCTION))
    for name, sizes, limit in medians:
        if median(sizes) > limit:
            found.append(f"the median {name} has {median(sizes):g} lines, the limit is {limit}")
    return found


def summary(name: str, sizes: Sizes) -> str:
    return f"{name}: {_figures('files', sizes.files)}; {_figures('functions', sizes.functions)}"


def median(sizes: Sequence[Size]) -> float:
    return statistics.median(size.lines for size in sizes) if sizes else 0.0


def _figures(name: str, sizes: Sequence[Size]) -> str:
    longest = max((size.lines for size in sizes), default=0)
    return f"{len(sizes)} {name}, median {median(sizes):g} lines, longest {longest}"


def _over(sizes: Iterable[Size], limit: int) -> list[str]:
    return [f"{size.where} has {size.lines} lines, the limit is {limit}" for size in sizes if size.lines > limit]


if __name__ == "__main__":
    sys.exit(main())
