from pathlib import Path

import pytest

from tools.sizes import Size, Sizes, functions_of, measure, problems

NONE = Sizes([], [])


def make_sizes(*, files: tuple[int, ...] = (), functions: tuple[int, ...] = ()) -> Sizes:
    return Sizes([Size("a.py", lines) for lines in files], [Size("a.py:1 f", lines) for lines in functions])


def test_functions_are_counted_from_def_to_last_line_nested_ones_too() -> None:
    source = (
        "@decorated\nclass A:\n    async def outer(self):\n        def inner():\n            return 1\n\n        return inner\n"
    )

    assert list(functions_of(source, "a.py")) == [Size("a.py:3 outer", 5), Size("a.py:4 inner", 2)]


def test_empty_files_and_missing_folders_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "__init__.py").write_text("")
    (tmp_path / "code" / "a.py").write_text("x = 1\ny = 2\n")

    assert measure(tmp_path, ["code", "absent"]) == Sizes([Size("code/a.py", 2)], [])


def test_code_at_its_limits_passes() -> None:
    code = make_sizes(files=(400, 120, 1), functions=(50, 8, 1))

    assert problems(code, make_sizes(files=(500,), functions=(50,))) == []


@pytest.mark.parametrize(
    ("code", "tests", "expected"),
    [
        pytest.param(make_sizes(files=(1, 1, 401)), NONE, "a.py has 401 lines, the limit is 400", id="file"),
        pytest.param(NONE, make_sizes(files=(501,)), "a.py has 501 lines, the limit is 500", id="test file"),
        pytest.param(make_sizes(functions=(1, 1, 51)), NONE, "a.py:1 f has 51 lines, the limit is 50", id="function"),
        pytest.param(NONE, make_sizes(functions=(51,)), "a.py:1 f has 51 lines, the limit is 50", id="test function"),
        pytest.param(make_sizes(files=(121,)), NONE, "the median file has 121 lines, the limit is 120", id="median file"),
        pytest.param(make_sizes(functions=(9,)), NONE, "the median function has 9 lines, the limit is 8", id="median"),
    ],
)
def test_one_line_over_a_limit_is_a_problem(code: Sizes, tests: Sizes, expected: str) -> None:
    assert problems(code, tests) == [expected]
