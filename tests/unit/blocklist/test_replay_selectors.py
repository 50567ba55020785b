import pytest

from services.blocklist.domain.replay import (
    DirectivesOf,
    Everything,
    KeysOf,
    OneDirective,
    OneJurisdiction,
    OneKey,
    Selector,
    as_stored,
    from_stored,
    has_directives,
    has_keys,
)
from shared.ids import DirectiveId, Jurisdiction, Key, Target

KEY = Key(Jurisdiction("IN"), Target("url:https://ex.org/p"))


@pytest.mark.parametrize(
    ("selector", "keys", "directives"),
    [
        (OneKey(KEY), True, False),
        (OneDirective(DirectiveId("dir_1")), True, True),
        (OneJurisdiction(Jurisdiction("IN")), True, False),
        (KeysOf(0), True, False),
        (DirectivesOf(5), False, True),
        (Everything(), True, True),
    ],
)
def test_what_is_chosen_is_stored_and_read_back(selector: Selector, keys: bool, directives: bool) -> None:
    assert from_stored(as_stored(selector)) == selector
    assert (has_keys(selector), has_directives(selector)) == (keys, directives)


def test_what_is_no_selector_is_refused() -> None:
    with pytest.raises(KeyError, match="no selector"):
        from_stored({"everything": False})
