import pytest

from shared.figures import public_figure


@pytest.mark.parametrize(("count", "told"), [(0, 0), (1, "<10"), (9, "<10"), (10, 10), (1178, 1178)])
def test_one_to_nine_are_told_as_a_bound_and_everything_else_exactly(count: int, told: int | str) -> None:
    assert public_figure(count) == told


def test_less_than_nothing_is_no_count() -> None:
    with pytest.raises(ValueError, match="-1 is no count"):
        public_figure(-1)
