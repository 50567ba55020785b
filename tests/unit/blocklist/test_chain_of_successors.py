from dataclasses import replace

import pytest

from services.blocklist.handlers.elsewhere import check_chain
from shared.db import ConcurrentChange
from tests.support.builders import directive_id, make_directive

NEW, OLD, OLDER = (directive_id(number) for number in (3, 2, 1))
LOCKED = {
    NEW: replace(make_directive(3), supersedes=OLD),
    OLD: replace(make_directive(2), supersedes=OLDER),
    OLDER: make_directive(1),
}


def test_a_chain_that_is_locked_as_it_was_read_is_right() -> None:
    check_chain(LOCKED, [NEW, OLD, OLDER])


@pytest.mark.parametrize(
    "read",
    [pytest.param([NEW], id="the first came to supersede one"), pytest.param([NEW, OLD], id="the last came to supersede one")],
)
def test_a_chain_that_grew_before_it_was_locked_is_read_again(read: list[str]) -> None:
    with pytest.raises(ConcurrentChange):
        check_chain(LOCKED, read)  # type: ignore[arg-type]


def test_a_directive_that_does_not_exist_is_somebody_elses_refusal() -> None:
    check_chain({}, [NEW])
