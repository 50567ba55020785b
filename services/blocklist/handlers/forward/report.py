"""What a restore did, and what it cannot know."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

SHOWN = 1000

NEVER_PUBLISHED = (
    "memos and approvers of decisions, releases and acts since the backup",
    "reasons and documents of directives received since, and their targets as they were written",
    "texts of notices, replies and appeals since",
    "which items of an interim directive were confirmed one by one since",
    "users told since, and notices to users that were waived",
    "answers kept for idempotency keys since: a repeated submission is refused with 409 and the directive that it names",
    "batches since, which cannot be taken back as such",
    "stops of publishing that began or ended since",
)
LOST = "Whatever was accepted after the backup and not published before the database was lost is gone, and nothing here names it."


@dataclass(slots=True)
class Report:
    """`counts` by name; `lists` of keys and directives that somebody should look at, by what is the matter with them."""

    counts: Counter[str] = field(default_factory=Counter)
    lists: dict[str, list[str]] = field(default_factory=dict)

    def count(self, what: str, by: int = 1) -> None:
        self.counts[what] += by

    def name(self, what: str, which: str) -> None:
        self.lists.setdefault(what, []).append(which)

    def as_json(self) -> dict[str, Any]:
        lists = {what: {"total": len(found), "first": found[:SHOWN]} for what, found in sorted(self.lists.items())}
        unknown = {"never_published": list(NEVER_PUBLISHED), "lost": LOST}
        return {"counts": dict(sorted(self.counts.items())), "look_at": lists, "unknown": unknown}
