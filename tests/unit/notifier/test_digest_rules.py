import pytest

from services.notifier.domain.digests import Agrees, Diverged, Doubtful, Sum, judge

TOLD = Sum(keys=2, withheld=1, digest="aa")
OTHERS = [Sum(keys=1, withheld=1, digest="aa"), Sum(keys=2, withheld=2, digest="aa"), Sum(keys=2, withheld=1, digest="bb")]


@pytest.mark.parametrize("before", [0, 1, 7])
@pytest.mark.parametrize("caught_up", [True, False])
def test_equal_sums_agree_whatever_was_before(before: int, *, caught_up: bool) -> None:
    assert judge(TOLD, Sum(keys=2, withheld=1, digest="aa"), before=before, caught_up=caught_up) == Agrees()


@pytest.mark.parametrize("own", OTHERS)
def test_the_first_difference_is_believed_only_when_nothing_is_under_way(own: Sum) -> None:
    assert judge(TOLD, own, before=0, caught_up=False) == Doubtful(1)
    assert judge(TOLD, own, before=0, caught_up=True) == Diverged(1, resync=True)


@pytest.mark.parametrize("caught_up", [True, False])
def test_a_second_difference_in_succession_is_believed_anyway(*, caught_up: bool) -> None:
    assert judge(TOLD, OTHERS[0], before=1, caught_up=caught_up) == Diverged(2, resync=True)


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 1), (5, 5)])
def test_differences_say_nothing_while_records_lie_unread(before: int, after: int) -> None:
    assert judge(TOLD, OTHERS[0], before=before, caught_up=False, behind=True) == Doubtful(after)


def test_what_stays_different_is_compared_key_by_key_less_and_less_often() -> None:
    verdicts = [judge(TOLD, OTHERS[0], before=before, caught_up=True) for before in range(16)]

    resynced = [each.mismatches for each in verdicts if isinstance(each, Diverged) and each.resync]
    assert resynced == [1, 2, 4, 8, 16]
