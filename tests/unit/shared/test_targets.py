import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import TargetType, type_of
from shared.targets import DEFAULT_PLATFORM, MAX_TEXT, TargetError, parse_target

PREFIXES = ("", "@", "#", "＃", "account:", "post:", "hashtag:", "url:", "https://ex.org/", "https://x.com/", "http://")
TEXTS = st.builds(lambda prefix, text: prefix + text, st.sampled_from(PREFIXES), st.text(max_size=40))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.sampled_from(["type", "id", "url", "what"]), st.sampled_from(list(TargetType)) | TEXTS | JSON)


@pytest.mark.parametrize(
    ("raw", "target"),
    [
        ("@Acct_42", "account:acct_42"),
        ("＠acct_42", "account:acct_42"),
        ("  @rozi_kheti_0034 \n", "account:rozi_kheti_0034"),
        ("\u3000@a\u00a0", "account:a"),
        ("account:acct_42", "account:acct_42"),
        ("ACCOUNT: @ACCT_42", "account:acct_42"),
        ("account:" + "a" * 50, "account:" + "a" * 50),
        ("@home", "account:home"),
        ("post:1356205394937972623", "post:1356205394937972623"),
        ("Post: 7", "post:7"),
        ("post:" + "9" * 20, "post:" + "9" * 20),
        ("＃Farmers", "hashtag:farmers"),
        ("hashtag:#Farmers", "hashtag:farmers"),
        ("https://ex.org", "url:https://ex.org/"),
        ("url:HTTPS://EX.org/p", "url:https://ex.org/p"),
        ({"type": "account", "id": " @Acct_42 "}, "account:acct_42"),
        ({"type": "post", "id": "7"}, "post:7"),
        ({"type": "hashtag", "id": "＃Farmers"}, "hashtag:farmers"),
        ({"type": "URL", "id": "https://ex.org/p"}, "url:https://ex.org/p"),
        ({"url": " https://ex.org/p "}, "url:https://ex.org/p"),
        ({"url": "https://x.com/a"}, "account:a"),
        ({"type": "url", "url": "https://ex.org/"}, "url:https://ex.org/"),
        ({"type": "account", "url": "https://x.com/a"}, "account:a"),
        ({"type": "account", "id": "a", "url": None}, "account:a"),
    ],
)
def test_every_accepted_form_becomes_its_canonical_target(raw: object, target: str) -> None:
    assert parse_target(raw) == target
    assert parse_target(target) == target


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("acct_42", "not clear"),
        ("1356205394937972623", "not clear"),
        ("x.com/acct_42", "not clear"),
        ("ftp://ex.org/", "not clear"),
        ("user:acct_42", "not clear"),
        ("account", "not clear"),
        ("", "not empty"),
        (" \t\u3000", "not empty"),
        ("@", "handle has 1 to 50"),
        ("@@a", "handle has 1 to 50"),
        ("@a b", "handle has 1 to 50"),
        ("@a-b", "handle has 1 to 50"),
        ("@a\u200b", "handle has 1 to 50"),
        ("@аcct", "handle has 1 to 50"),  # a Cyrillic letter
        ("@\u212aelvin", "handle has 1 to 50"),  # the Kelvin sign, whose lower case is an ASCII k
        ("@acct_４２", "handle has 1 to 50"),
        ("@" + "a" * 51, "handle has 1 to 50"),
        ("account:", "handle has 1 to 50"),
        ("post:", "1 to 20 of the digits"),
        ("post:12a", "1 to 20 of the digits"),
        ("post:-1", "1 to 20 of the digits"),
        ("post:١٢", "1 to 20 of the digits"),
        ("post:" + "9" * 21, "1 to 20 of the digits"),
        ("@a\x00", "no NUL"),
        ("#\ud800", "surrogate"),
        ("@" + " " * MAX_TEXT, "at most 4096"),
        (42, "string or an object"),
        (None, "string or an object"),
        (b"@a", "string or an object"),
        (["@a"], "string or an object"),
        ({}, "by `type` and `id`, or by `url`"),
        ({"type": "account"}, "by `type` and `id`, or by `url`"),
        ({"id": "a"}, "by `type` and `id`, or by `url`"),
        ({"type": "account", "url": "https://ex.org/"}, "does not show which account"),
        ({"id": "a", "url": "https://ex.org/"}, "by `type` and `id`, or by `url`"),
        ({"type": "account", "id": "a", "name": "b"}, "and nothing else"),
        ({"type": "account", "id": "a", 7: "b"}, "and nothing else"),
        ({"type": "post", "id": 1356205394937972623}, "ids are strings"),
        ({"type": "account", "id": None}, "by `type` and `id`, or by `url`"),
        ({"type": "account", "id": " "}, "not empty"),
        ({"type": "group", "id": "a"}, "one of account, post, hashtag, url"),
        ({"url": "@a"}, "starts with http"),
    ],
)
def test_what_names_no_target_is_refused_with_the_reason(raw: object, reason: str) -> None:
    with pytest.raises(TargetError, match=re.escape(reason)):
        parse_target(raw)


@pytest.mark.parametrize(
    ("raw", "target"),
    [
        ({"type": "account", "id": "A", "url": "https://x.com/a"}, "account:a"),
        ({"type": "account", "id": "a", "url": "https://x.com/i/user/7"}, "account:a"),
        ({"type": "account", "id": "a", "url": "https://x.com/a/status/7"}, "account:a"),
        ({"type": "post", "id": "7", "url": "https://x.com/other/status/7?s=20"}, "post:7"),
        ({"type": "hashtag", "id": "a", "url": "https://x.com/hashtag/a"}, "hashtag:a"),
        ({"type": "url", "id": "https://ex.org", "url": "https://EX.org/"}, "url:https://ex.org/"),
    ],
)
def test_a_snapshot_url_beside_an_id_changes_nothing(raw: object, target: str) -> None:
    assert parse_target(raw) == target


@pytest.mark.parametrize(
    "raw",
    [
        {"type": "account", "id": "a", "url": "https://x.com/b"},
        {"type": "post", "id": "7", "url": "https://x.com/a/status/8"},
        {"type": "url", "id": "https://x.com/a", "url": "https://x.com/b"},
        {"type": "url", "id": "https://ex.org/a", "url": "https://ex.org/b"},
    ],
)
def test_an_id_and_a_url_that_name_two_targets_are_refused(raw: object) -> None:
    with pytest.raises(TargetError, match="two different targets"):
        parse_target(raw)


def test_the_error_shows_a_short_printable_value_and_keeps_it_out_of_the_message() -> None:
    with pytest.raises(TargetError) as refused:
        parse_target("secret\x07" * 30)

    assert len(refused.value.value) < 100
    assert refused.value.value.isprintable()
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("raw", "shown"), [("acct", "'acct'"), pytest.param(10**5000, "int", id="huge"), ([["x"] * 1000], "list")]
)
def test_a_value_that_is_no_text_is_shown_by_its_type(raw: object, shown: str) -> None:
    with pytest.raises(TargetError) as refused:
        parse_target(raw)

    assert refused.value.value == shown


@given(TEXTS | OBJECTS | JSON)
def test_any_input_is_refused_as_a_target_error_or_becomes_a_fixed_point(raw: object) -> None:
    try:
        target = parse_target(raw)
    except TargetError:
        return
    assert parse_target(target) == target
    assert parse_target({"type": type_of(target).value, "id": target.partition(":")[2]}) == target


@given(st.from_regex(r"[A-Za-z0-9_]{1,50}", fullmatch=True))
def test_every_spelling_of_a_handle_is_one_account(handle: str) -> None:
    spellings: list[str | Mapping[str, str]] = [
        f"@{handle}",
        f"@{handle.upper()}",
        f" ＠{handle.lower()} ",
        f"account:{handle}",
        {"type": "account", "id": handle.swapcase()},
    ]
    if handle.lower() not in DEFAULT_PLATFORM.reserved:
        spellings.append(f"https://x.com/{handle}")

    assert {parse_target(raw) for raw in spellings} == {f"account:{handle.lower()}"}
