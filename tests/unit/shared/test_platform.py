import re

import pytest

from shared.ids import TargetType, type_of
from shared.targets import PlatformPatterns, parse_target


@pytest.mark.parametrize("host", ["x.com", "twitter.com"])
@pytest.mark.parametrize("prefix", ["", "www.", "mobile.", "m."])
def test_every_host_of_the_platform_leads_to_the_same_targets(host: str, prefix: str) -> None:
    assert parse_target(f"https://{prefix}{host}/Acct_42") == "account:acct_42"
    assert parse_target(f"http://{prefix}{host}/Acct_42/status/7") == "post:7"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("acct_42", "account:acct_42"),
        ("ACCT_42/?lang=en#top", "account:acct_42"),
        ("acct%5F42", "account:acct_42"),
        ("a/b/../../acct_42", "account:acct_42"),
        ("a/status/7", "post:7"),
        ("a/statuses/7", "post:7"),
        ("a/status/7/", "post:7"),
        ("a/status/7?s=20", "post:7"),
        ("a/status/7/photo/1#x", "post:7"),
        ("%61/status/%37", "post:7"),
        ("i/status/7", "post:7"),
        ("i/web/status/7", "post:7"),
    ],
)
def test_the_platforms_own_urls_become_accounts_and_posts_however_they_are_given(path: str, target: str) -> None:
    url = f"https://x.com/{path}"

    named = [url, f"url:{url}", {"url": url}, {"type": "url", "id": url}]

    assert [parse_target(raw) for raw in named] == [target] * 4


@pytest.mark.parametrize(
    "url",
    [
        "https://x.com/",
        "https://x.com/home",
        "https://x.com/I/",
        "https://x.com/search?q=%23farmers",
        "https://x.com/hashtag/farmers",
        "https://x.com/intent/user?screen_name=a",
        "https://x.com/acct_42/with_replies",
        "https://x.com/@acct_42",
        "https://x.com/a-b",
        "https://x.com/a%2Fstatus%2F7",
        "https://x.com/a/status/",
        "https://x.com/a/status/7a",
        f"https://x.com/{'a' * 51}",
        f"https://x.com/a/status/{'7' * 21}",
        "https://x.com:8443/acct_42",
        "https://api.x.com/acct_42",
        "https://ex.org/acct_42/status/7",
    ],
)
def test_every_other_url_stays_a_url(url: str) -> None:
    assert type_of(parse_target(url)) is TargetType.URL


@pytest.mark.parametrize("host", ["x.com.", "X.COM", "x.com:443", "x。com", "ｘ.com"])
def test_another_spelling_of_the_host_is_the_same_host(host: str) -> None:
    assert parse_target(f"https://{host}/acct_42") == "account:acct_42"


def test_another_platform_is_a_value_and_not_code() -> None:
    platform = PlatformPatterns(
        hosts=frozenset({"ex.org"}),
        post=re.compile(r"/p/(?P<id>\d+)"),
        account=re.compile(r"/@(?P<handle>\w+)"),
        reserved=frozenset({"home"}),
    )

    paths = ["@Acct", "p/7", "@home", "p/7/x"]

    assert [parse_target(f"https://ex.org/{path}", platform) for path in paths] == [
        "account:acct",
        "post:7",
        "url:https://ex.org/@home",
        "url:https://ex.org/p/7/x",
    ]
    assert type_of(parse_target("https://x.com/a", platform)) is TargetType.URL


@pytest.mark.parametrize(("post", "account"), [("/(.*)", "/(?P<handle>.*)"), ("/(?P<id>.*)", "/(.*)")])
def test_patterns_without_their_groups_are_refused_at_once(post: str, account: str) -> None:
    with pytest.raises(ValueError, match="needs a group"):
        PlatformPatterns(frozenset(), re.compile(post), re.compile(account), frozenset())
