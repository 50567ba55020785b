"""A blocklist with its topics that can be backed up, lost and restored, and what happens to it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from services.blocklist.app import PACKAGE
from services.blocklist.restore import restore
from services.blocklist.settings import BlocklistSettings
from services.blocklist.tables import metadata
from shared.backup.cli import RestoreOptions, backed_up
from shared.db import Database
from shared.topic_reader import read_all
from shared.topics import Topics
from tests.support.blocklist import Api, Rows, all_rows, make_settings, running_api
from tests.support.builders import later_json, order_json, tco_json
from tests.support.published import publish

APPROVED = {"memo": "A journalist", "approvers": ["asha", "bo"]}


LOST = {
    "directives": {"seq", "reason", "requested_jurisdictions", "duplicates", "document", "elements", "unexamined"},
    "items": {"received", "position"},
    "notices": {"text", "issued_at", "elements"},
    "replies": {"text"},
    "case_events": {"detail"},
}
"""What no event tells."""

COMPARED = ("directives", "directive_scopes", "items", "item_history", "withholdings", "withholding_history", "case_events",
             "notices", "replies")  # fmt: skip


class Place:
    """A blocklist's database with its topics, that can be backed up, lost and restored."""

    def __init__(self, url: str, broker: str, prefix: str, folder: Path) -> None:
        self.url, self.broker, self.folder = url, broker, folder
        self.topics = Topics(prefix=prefix)
        self.backup = folder / "backup"

    @property
    def settings(self) -> BlocklistSettings:
        return make_settings(self.url, KAFKA_BOOTSTRAP_SERVERS=self.broker, GEOWITHHOLD_TOPIC_PREFIX=self.topics.prefix)

    def api(self) -> Any:
        """The service with a broker that is down: tests publish by themselves."""
        return running_api(self.url, GEOWITHHOLD_TOPIC_PREFIX=self.topics.prefix)

    async def back_up(self) -> None:
        await backed_up(self.url, PACKAGE, metadata, self.backup)

    async def publish(self, *only: str) -> int:
        return await publish(self.url, self.broker, self.topics, only=only)

    async def publish_keys(self, keys: Iterable[str]) -> int:
        """Only these versions, and the lost database never learns that they arrived."""
        return await publish(self.url, self.broker, self.topics, keys=frozenset(keys), mark=False)

    async def positions(self) -> dict[tuple[str, int], list[int]]:
        """The numbers on each partition, in their order."""
        found: dict[tuple[str, int], list[int]] = defaultdict(list)
        async for batch in read_all(self.broker, self.topics.published, self.topics.partitions):
            for each in batch:
                found[each.topic, each.partition].append(each.position.sequence if each.position else 0)
        return found

    async def restore(self, *, roll_forward: bool = True) -> dict[str, Any]:
        return await restore(self.settings, self.backup, RestoreOptions(replace=True, roll_forward=roll_forward))

    async def rows(self) -> Rows:
        database = Database(self.url)
        try:
            return await database.read(all_rows)
        finally:
            await database.close()


async def before(api: Api) -> dict[str, str]:
    """What is in the backup."""
    first = await api.submit(order_json("@acct_1", "@acct_2", "@acct_3", "#farmers"))
    second = await api.submit(later_json("@acct_2", "@acct_9"))
    tco = await api.submit(tco_json("@acct_5", "@acct_6"))
    return {"first": first["id"], "second": second["id"], "tco": tco["id"]}


async def after(api: Api, ids: Mapping[str, str]) -> None:
    """What happens between the backup and the loss: liftings, blocks, decisions, stays, notices, directives."""
    released = {
        "cause": "platform_decision",
        "directive": ids["first"],
        "targets": ["@acct_1", "@acct_2"],
        "jurisdictions": ["IN"],
    }
    await api.post("/v1/releases", {**released, **APPROVED})
    await api.post(f"/v1/directives/{ids['second']}/decisions", {"decision": "comply", "targets": ["@acct_2"]})
    await api.post(
        f"/v1/directives/{ids['second']}/decisions", {"decision": "refuse", "ground": "news_media", "targets": ["@acct_9"]}
    )
    await api.post(f"/v1/directives/{ids['tco']}/stay", {"targets": ["@acct_5"], "court": "VG Wiesbaden"})
    await api.post(f"/v1/directives/{ids['first']}/rescind", {"targets": ["#farmers"]})
    notice = {"kind": "non_compliance", "issued_at": "2021-02-01T00:00:00Z", "received_at": "2021-02-01T01:00:00Z"}
    await api.post(f"/v1/directives/{ids['first']}/notices", {**notice, "provision": "s.69A(3)", "text": "…"}, 201)
    await api.post(f"/v1/directives/{ids['first']}/replies", {"kind": "acknowledgement", "text": "…"}, 201)
    await api.submit(order_json("@acct_1", "@acct_7", reference="new"))
    newer = await api.submit(tco_json("@acct_6", "@acct_8", reference="newer", supersedes=ids["tco"]))
    await api.post(f"/v1/directives/{newer['id']}/decisions", {"decision": "comply", "targets": "all"})
