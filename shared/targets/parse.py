"""From what a request holds to a canonical target."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from shared.ids import Target, TargetType, type_of
from shared.targets.errors import TargetError
from shared.targets.hashtags import hashtag_id
from shared.targets.platform import DEFAULT_PLATFORM, PlatformPatterns, account_id, post_id
from shared.targets.urls import parse_web_url

NORMALISER_VERSION = 1
"""Goes up with every change of the rules by which any input's canonical form changes; stored beside what was received."""

MAX_TEXT = 4096

_FORMS = (
    "write an account as @handle or account:handle, a post as post:123, a hashtag as #tag or hashtag:tag, "
    "and a URL with its http:// or https://"
)
_BY_SIGN = {"@": TargetType.ACCOUNT, "＠": TargetType.ACCOUNT, "#": TargetType.HASHTAG, "＃": TargetType.HASHTAG}
_BY_PREFIX = {f"{kind}:": kind for kind in TargetType}
_CANONICAL_ID: Mapping[TargetType, Callable[[str], str]] = {
    TargetType.ACCOUNT: account_id,
    TargetType.POST: post_id,
    TargetType.HASHTAG: hashtag_id,
}
_FIELDS = ("type", "id", "url")
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")


def parse_target(raw: object, platform: PlatformPatterns = DEFAULT_PLATFORM) -> Target:
    """The one target that `raw` names: a string, or an object of `type` and `id`, of `url` alone, or of all three.

    A URL that is the platform's own address of an account or a post becomes that account or post, however it was
    written. A `url` beside an `id` is a snapshot that must not contradict it. Raises TargetError, and nothing else, for
    everything that names no target or might name two.
    """
    if isinstance(raw, str):
        return _from_text(_clean(raw), platform)
    if isinstance(raw, Mapping):
        return _from_object(raw, platform)
    raise TargetError("a target is a string or an object with `type` and `id`", raw)


def _clean(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise TargetError(f"a target has at most {MAX_TEXT} characters", text)
    if _NOT_TEXT.search(text):
        raise TargetError("a target holds no NUL and no half of a surrogate pair", text)
    cleaned = text.strip()
    if not cleaned:
        raise TargetError("a target is not empty", text)
    return cleaned


def _from_text(text: str, platform: PlatformPatterns) -> Target:
    if kind := _BY_SIGN.get(text[0]):
        return _of_type(kind, text, platform)
    before, colon, rest = text.partition(":")
    prefix = before.lower() + colon
    if prefix in ("http:", "https:"):
        return _from_url(text, platform)
    if kind := _BY_PREFIX.get(prefix):
        return _of_type(kind, rest.strip(), platform)
    raise TargetError(f"it is not clear what this names: {_FORMS}", text)


def _from_object(raw: Mapping[Any, object], platform: PlatformPatterns) -> Target:
    fields = _text_fields(raw)
    match fields:
        case {"type": kind, "id": text}:
            target = _of_type(_type(kind), text, platform)
        case {"type": kind, "url": url}:
            return _shown_at(_type(kind), url, platform)
        case {"url": url} if "id" not in fields:
            return _from_url(url, platform)
        case _:
            raise TargetError("an object names a target by `type` and `id`, or by `url`", raw)
    if "url" in fields:
        _refuse_contradiction(target, fields["url"], platform)
    return target


def _text_fields(raw: Mapping[Any, object]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in raw.items():
        if name not in _FIELDS:
            raise TargetError("an object that names a target has `type`, `id` and `url` and nothing else", name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise TargetError(f"`{name}` is not a string; ids are strings, because numbers lose digits", value)
        fields[name] = _clean(value)
    return fields


def _type(text: str) -> TargetType:
    try:
        return TargetType(text.lower())
    except ValueError:
        raise TargetError(f"the type of a target is one of {', '.join(TargetType)}", text) from None


def _shown_at(kind: TargetType, url: str, platform: PlatformPatterns) -> Target:
    target = _from_url(url, platform)
    if kind is not TargetType.URL and type_of(target) is not kind:
        raise TargetError(f"the `url` does not show which {kind.value} is meant", url)
    return target


def _refuse_contradiction(target: Target, url: str, platform: PlatformPatterns) -> None:
    """A snapshot of another type is no contradiction: an account may be shown by one of its posts."""
    snapshot = _from_url(url, platform)
    if type_of(snapshot) is type_of(target) and snapshot != target:
        raise TargetError("`id` and `url` name two different targets", url)


def _of_type(kind: TargetType, text: str, platform: PlatformPatterns) -> Target:
    if kind is TargetType.URL:
        return _from_url(text, platform)
    return Target(f"{kind}:{_CANONICAL_ID[kind](text)}")


def _from_url(text: str, platform: PlatformPatterns) -> Target:
    url = parse_web_url(text)
    return platform.recognise(url) or Target(f"{TargetType.URL}:{url.href}")
