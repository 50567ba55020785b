"""The platform's own ids, and which of its URLs are really an account or a post."""

import re
from dataclasses import dataclass

from shared.ids import Target, TargetType
from shared.targets.errors import TargetError
from shared.targets.urls import WebUrl

_HANDLE = re.compile(r"[A-Za-z0-9_]{1,50}")
_POST_ID = re.compile(r"[0-9]{1,20}")
_SIGNS = ("@", "＠")
_PAGES = (
    "about account accounts bookmarks communities compose connect_people download explore favorites follower_requests "
    "followers following hashtag help home i intent invitations jobs lists login logout mentions messages moments "
    "notifications oauth personalization privacy search settings share signup status statuses tos welcome who_to_follow "
    "widgets"
)
_ENCODED_WORD = re.compile(r"%(?:3[0-9]|[46][1-9A-F]|[57][0-9A]|5F)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PlatformPatterns:
    """How one platform writes the addresses of its accounts and posts.

    `post` (group `id`) and `account` (group `handle`) must match the whole path, in which encoded letters, digits and
    underscores are decoded; query and fragment play no part. `reserved` holds, in lower case, the handles that are
    pages of the platform. A URL that fits neither pattern stays a URL, on the platform's hosts too.
    """

    hosts: frozenset[str]
    post: re.Pattern[str]
    account: re.Pattern[str]
    reserved: frozenset[str]

    def __post_init__(self) -> None:
        if "id" not in self.post.groupindex or "handle" not in self.account.groupindex:
            raise ValueError("the post pattern needs a group `id`, the account pattern a group `handle`")

    def recognise(self, url: WebUrl) -> Target | None:
        if url.host.removesuffix(".") not in self.hosts:
            return None
        path = _ENCODED_WORD.sub(_decode, url.path)
        if post := self.post.fullmatch(path):
            return Target(f"{TargetType.POST}:{post_id(post['id'])}")
        account = self.account.fullmatch(path)
        if account is None or account["handle"].lower() in self.reserved:
            return None
        return Target(f"{TargetType.ACCOUNT}:{account_id(account['handle'])}")


def _decode(triplet: re.Match[str]) -> str:
    return chr(int(triplet[0][1:], 16))


DEFAULT_PLATFORM = PlatformPatterns(
    hosts=frozenset(f"{prefix}{host}" for host in ("x.com", "twitter.com") for prefix in ("", "www.", "mobile.", "m.")),
    post=re.compile(r"/(?:[a-z0-9_]{1,50}/status(?:es)?|i/web/status)/(?P<id>[0-9]{1,20})(?:/.*)?", re.ASCII | re.IGNORECASE),
    account=re.compile(r"/(?P<handle>[a-z0-9_]{1,50})/?", re.ASCII | re.IGNORECASE),
    reserved=frozenset(_PAGES.split()),
)


def account_id(text: str) -> str:
    """The handle in lower case, without its sign. Other scripts are refused, never folded into ASCII."""
    handle = text[1:] if text.startswith(_SIGNS) else text
    if _HANDLE.fullmatch(handle) is None:
        raise TargetError("an account's handle has 1 to 50 of the characters a-z, 0-9 and _", text)
    return handle.lower()


def post_id(text: str) -> str:
    if _POST_ID.fullmatch(text) is None:
        raise TargetError("a post's id has 1 to 20 of the digits 0-9", text)
    return text
