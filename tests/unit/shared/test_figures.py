import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.figures import public_figure, public_parts


@pytest.mark.parametrize(("count", "told"), [(0, 0), (1, "<10"), (9, "<10"), (10, 10), (1178, 1178)])
def test_one_to_nine_are_told_as_a_bound_and_everything_else_exactly(count: int, told: int | str) -> None:
    assert public_figure(count) == told


def test_less_than_nothing_is_no_count() -> None:
    with pytest.raises(ValueError, match="-1 is no count"):
        public_figure(-1)


@pytest.mark.parametrize(
    ("parts", "told", "total"),
    [
        pytest.param({"a": 0, "b": 10, "c": 40}, {"a": 0, "b": 10, "c": 40}, 50, id="nothing is small"),
        pytest.param({"a": 3, "b": 40, "c": 30}, {"a": "<10", "b": 40, "c": "suppressed"}, 73, id="one small, the next as well"),
        pytest.param({"a": 3, "b": 4, "c": 40}, {"a": "<10", "b": "<10", "c": 40}, 47, id="two that hide each other"),
        pytest.param({"a": 1, "b": 1, "c": 40}, {"a": "<10", "b": "<10", "c": "suppressed"}, 42, id="two that cannot but be one"),
        pytest.param(
            {"a": 9, "b": 9, "c": 40}, {"a": "<10", "b": "<10", "c": "suppressed"}, 58, id="two that cannot but be nine"
        ),
        pytest.param({"a": 1, "b": 10}, {"a": "<10", "b": "suppressed"}, "suppressed", id="no other is left"),
        pytest.param({"a": 3}, {"a": "<10"}, "suppressed", id="alone"),
        pytest.param({}, {}, 0, id="nothing"),
    ],
)
def test_parts_are_told_so_that_no_small_one_can_be_computed(
    parts: dict[str, int], told: dict[str, int | str], total: int | str
) -> None:
    assert public_parts(parts) == (told, total)


def test_what_is_hidden_for_another_reason_is_not_computable_either() -> None:
    assert public_parts({"a": 50, "b": 20, "c": 0}, ["a", "c"]) == ({"a": "suppressed", "b": "suppressed", "c": 0}, 70)


@given(parts=st.lists(st.integers(0, 25), max_size=4))
def test_every_small_part_may_be_more_than_one_number(parts: list[int]) -> None:
    told, total = public_parts({str(number): count for number, count in enumerate(parts)})

    for name, small in told.items():
        if small == "<10" and isinstance(total, int):
            assert len({assignment[int(name)] for assignment in possible(list(told.values()), total)}) > 1


def possible(told: list[int | str], total: int) -> list[tuple[int, ...]]:
    """All that the parts may be for somebody who knows the rules and sees all that is told."""
    ranges = [range(1, 10) if each == "<10" else range(10, total + 1) if each == "suppressed" else [int(each)] for each in told]
    return [found for found in itertools.product(*ranges) if sum(found) == total]
