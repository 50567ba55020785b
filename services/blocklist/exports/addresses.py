"""Targets as web addresses: forms that take nothing else still get accounts, posts and hashtags."""

from dataclasses import dataclass
from urllib.parse import quote

from shared.ids import Target, TargetType, type_of

PLACEHOLDER = "{id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the platform shows an account, a post and a hashtag; `{id}` stands for the id, percent-encoded."""

    account: str
    post: str
    hashtag: str

    def __post_init__(self) -> None:
        for template in (self.account, self.post, self.hashtag):
            if template.count(PLACEHOLDER) != 1:
                raise ValueError(f"the address {template!r} needs {PLACEHOLDER} once")

    def of(self, target: Target) -> str:
        kind, id_ = type_of(target), target.partition(":")[2]
        if kind is TargetType.URL:
            return id_
        templates = {TargetType.ACCOUNT: self.account, TargetType.POST: self.post, TargetType.HASHTAG: self.hashtag}
        return templates[kind].replace(PLACEHOLDER, quote(id_, safe=""))


DEFAULT_ADDRESSES = Addresses(
    account="https://x.com/{id}", post="https://x.com/i/web/status/{id}", hashtag="https://x.com/hashtag/{id}"
)
