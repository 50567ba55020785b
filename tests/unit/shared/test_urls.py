import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.targets import TargetError, parse_target


@pytest.mark.parametrize(
    ("raw", "url"),
    [
        ("https://ex.org", "https://ex.org/"),
        ("HTTPS://EX.ORG:443/A", "https://ex.org/A"),
        ("http://ex.org:80/", "http://ex.org/"),
        ("http://ex.org:443/", "http://ex.org:443/"),
        ("https://ex.org:/", "https://ex.org/"),
        ("https://ex.org/a/./b/../c", "https://ex.org/a/c"),
        ("https://ex.org/a/%2e%2E/c", "https://ex.org/c"),
        ("https://ex.org/%2f%c3%a9", "https://ex.org/%2F%C3%A9"),
        ("https://ex.org/é?é#é", "https://ex.org/%C3%A9?%C3%A9#%C3%A9"),
        ("https://ex.org/%zz%4", "https://ex.org/%zz%4"),
        ("https://ex.org/?q=%c3#Part", "https://ex.org/?q=%C3#Part"),
        ("https://ex.org/a@b", "https://ex.org/a@b"),
        ("https://ex.org?@", "https://ex.org/?@"),
        ("https://bücher.de/", "https://xn--bcher-kva.de/"),
        ("https://BÜCHER.de/", "https://xn--bcher-kva.de/"),
        ("https://faß.de/", "https://xn--fa-hia.de/"),
        ("https://उदाहरण.भारत/", "https://xn--p1b6ci4b4b3a.xn--h2brj9c/"),
        ("https://ｅｘ。org/", "https://ex.org/"),
        ("https://a_b.ex.org/", "https://a_b.ex.org/"),
        ("https://r3---sn-a.ex.org/", "https://r3---sn-a.ex.org/"),
        ("https://localhost/", "https://localhost/"),
        ("https://ex.org./", "https://ex.org./"),
        ("https://192.0.2.1/", "https://192.0.2.1/"),
        ("https://0xC0.2.1/", "https://192.2.0.1/"),
        ("https://[2001:DB8::0]/", "https://[2001:db8::]/"),
    ],
)
def test_a_url_is_read_as_a_browser_reads_it(raw: str, url: str) -> None:
    assert parse_target(raw) == f"url:{url}"
    assert parse_target(f"url:{url}") == f"url:{url}"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("url:ex.org", "starts with http"),
        ("url:ftp://ex.org/", "starts with http"),
        ("url:javascript:alert(1)", "starts with http"),
        ("url:httpſ://ex.org/", "starts with http"),
        ("http:", "starts with http"),
        ("https:ex.org", "starts with http"),
        ("https:/ex.org", "starts with http"),
        ("https:///ex.org", "starts with http"),
        ("https://", "starts with http"),
        ("https://?q", "starts with http"),
        ("https://user@ex.org/", "no user name"),
        ("https://user:pass@ex.org/", "no user name"),
        ("https://@ex.org/", "no user name"),
        ("https://:@ex.org/", "no user name"),
        ("https://x.com@ex.org/", "no user name"),
        ("https://ex.org\\a", "backslashes"),
        ("https://ex.org/a\\b", "backslashes"),
        ("https://ex.org/a b", "white space"),
        ("https://ex.org/a\u3000b", "white space"),
        ("https://ex.org/a\u2028b", "white space"),
        ("https://ex.\torg/", "white space"),
        ("https://ex.org/\x01", "control characters"),
        ("https://ex.org/\x7f", "control characters"),
        ("https://ex.org/\x85x", "control characters"),
        ("https://ex.org/\x9f", "control characters"),
        ("https://ex.org:99999/", "not a valid URL"),
        ("https://256.1.1.1/", "not a valid URL"),
        ("https://[::1/", "not a valid URL"),
        ("https://a%40b/", "not a valid URL"),
        ("https://ex.org＠evil/", "not a valid URL"),
        ("https://ex..org/", "valid host name"),
        ("https://.ex.org/", "valid host name"),
        ("https://-ex.org/", "valid host name"),
        ("https://ex!a.org/", "valid host name"),
        ("https://xn--a/", "valid host name"),
        ("https://i❤.ws/", "valid host name"),  # a symbol, which IDNA 2008 has no place for
        (f"https://{'a' * 64}.org/", "valid host name"),
        (f"https://{'a.' * 126}org/", "valid host name"),
        ("https://ex.org/" + "a" * 2034, "at most 2048 characters"),
        ("https://ex.org/" + "é" * 400, "after percent-encoding"),
    ],
)
def test_what_two_readers_could_resolve_differently_is_refused(raw: str, reason: str) -> None:
    with pytest.raises(TargetError, match=reason):
        parse_target(raw)


def test_the_longest_url_is_accepted() -> None:
    url = "https://ex.org/" + "a" * 2033

    assert parse_target(url) == f"url:{url}"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://ex.org/a", "http://ex.org/a"),
        ("https://ex.org/a", "https://ex.org/A"),
        ("https://ex.org/a", "https://ex.org/a/"),
        ("https://ex.org/a", "https://ex.org/a?"),
        ("https://ex.org/a", "https://ex.org/a#b"),
        ("https://ex.org/a/b", "https://ex.org/a%2Fb"),
        ("https://faß.de/", "https://fass.de/"),
        ("https://ex.org/", "https://www.ex.org/"),
    ],
)
def test_urls_that_a_server_may_answer_differently_stay_apart(one: str, other: str) -> None:
    assert parse_target(one) != parse_target(other)


HOSTS = st.from_regex(r"[a-z]{1,8}(\.[a-z0-9]{1,8}){0,2}\.org", fullmatch=True)


@given(HOSTS, st.text(max_size=30))
def test_a_canonical_url_is_a_fixed_point_in_ascii(host: str, rest: str) -> None:
    try:
        target = parse_target(f"https://{host}/{rest}")
    except TargetError:
        return
    assert target.isascii()
    assert parse_target(target) == target


@given(st.text(min_size=1, max_size=30))
def test_any_host_is_refused_or_canonical(host: str) -> None:
    try:
        target = parse_target(f"https://{host}")
    except TargetError:
        return
    assert parse_target(target) == target


@given(HOSTS, st.from_regex(r"(/|%[0-9a-f]{2}|[a-z])*", fullmatch=True))
def test_the_case_of_scheme_host_and_percent_triplets_makes_no_difference(host: str, path: str) -> None:
    upper = "".join(part.upper() if part.startswith("%") else part for part in split_triplets(path))

    assert parse_target(f"HTTPS://{host.upper()}/{upper}") == parse_target(f"https://{host}/{path}")


def split_triplets(path: str) -> list[str]:
    head, *rest = path.split("%")
    return [head, *(part for piece in rest for part in (f"%{piece[:2]}", piece[2:]))]
