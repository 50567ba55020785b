"""URLs as browsers read them (WHATWG), narrowed to what an order may name.

Refused is whatever two readers could resolve differently: user information, backslashes, control characters and white
space, schemes other than http and https, hosts that no name server would answer for. Nothing is ever fetched.
"""

import re
from typing import NamedTuple

import idna
from ada_url import URL

from shared.targets.errors import TargetError

MAX_URL = 2048
"""In characters, as sent and as canonical: percent-encoding makes a URL up to twelve times longer."""

_MAX_HOST = 253
_START = re.compile(r"https?://([^/?#]+)", re.ASCII | re.IGNORECASE)
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\s\\]")
_QUERY_OR_FRAGMENT = re.compile(r"[?#]")
_TRIPLET = re.compile(r"%[0-9a-fA-F]{2}")
# Wider than IDNA for labels in plain ASCII: `_` and `--` are in use, and an order that names them has to be met.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


class WebUrl(NamedTuple):
    """`href` is canonical. `host` is lower-case ASCII and carries the port unless that is the scheme's own."""

    href: str
    host: str
    path: str


def parse_web_url(text: str) -> WebUrl:
    """Parsing the `href` again gives an equal value; the fragment is part of it. Raises TargetError."""
    _refuse_unsafe(text)
    try:
        normal = URL(text).href
    except ValueError:
        raise TargetError("this is not a valid URL", text) from None
    href = _TRIPLET.sub(_upper, normal) if "%" in normal else normal
    if len(href) > MAX_URL:
        raise TargetError(f"a URL has at most {MAX_URL} characters, counted after percent-encoding too", text)
    host, path = _split(href)
    if not _is_host(host):
        raise TargetError("the URL's host is not a valid host name", text)
    return WebUrl(href, host, path)


def _refuse_unsafe(text: str) -> None:
    if len(text) > MAX_URL:
        raise TargetError(f"a URL has at most {MAX_URL} characters", text)
    if _UNSAFE.search(text):
        raise TargetError("a URL holds no white space, control characters or backslashes", text)
    start = _START.match(text)
    if start is None:
        raise TargetError("a URL starts with http:// or https:// and a host", text)
    if "@" in start[1]:
        raise TargetError("a URL holds no user name or password before its host", text)


def _split(href: str) -> tuple[str, str]:
    """Host and path of a URL that the parser wrote, where both end at the first of their delimiters."""
    host, slash, rest = href.partition("://")[2].partition("/")
    return host, slash + _QUERY_OR_FRAGMENT.split(rest, maxsplit=1)[0]


def _is_host(host: str) -> bool:
    """Whether it is an address, or a name fit for the DNS. The parser vouches for addresses; IPv4 looks like a name."""
    if host.startswith("["):
        return True
    name = host.partition(":")[0].removesuffix(".")
    return len(name) <= _MAX_HOST and all(map(_is_label, name.split(".")))


def _is_label(label: str) -> bool:
    if _LABEL.fullmatch(label) is None:
        return False
    if not label.startswith("xn--"):
        return True
    try:
        idna.ulabel(label)
    except ValueError:
        return False
    return True


def _upper(triplet: re.Match[str]) -> str:
    return triplet[0].upper()
