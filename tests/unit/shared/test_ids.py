import pytest

from shared.ids import Jurisdiction, Key, Target, TargetType, parse_key, type_of


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("IN/account:acct_42", Key(Jurisdiction("IN"), Target("account:acct_42"))),
        ("IN-PB/url:https://ex.org/a/b", Key(Jurisdiction("IN-PB"), Target("url:https://ex.org/a/b"))),
        ("XX/hashtag:किसान", Key(Jurisdiction("XX"), Target("hashtag:किसान"))),
    ],
)
def test_a_key_is_read_back_from_how_it_is_written(text: str, key: Key) -> None:
    assert parse_key(text) == key
    assert str(key) == text


@pytest.mark.parametrize("text", ["", "IN", "IN/", "/account:a", "account:a", "IN/user:a", "IN/acct_42"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_key(text)


def test_keys_are_ordered_by_jurisdiction_then_target() -> None:
    keys = [parse_key(text) for text in ("PK/account:a", "IN/post:1", "IN/account:b")]

    assert [str(key) for key in sorted(keys)] == ["IN/account:b", "IN/post:1", "PK/account:a"]


def test_the_type_of_a_target_stands_before_its_first_colon() -> None:
    assert type_of(Target("url:https://ex.org/")) is TargetType.URL
