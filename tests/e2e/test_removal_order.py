"""A story unlike that of the demo: a removal order of the European Union meets an Indian direction on the same account.

The order's hour stands still while the platform asks, starts anew when the answer comes, and again when what was impossible is
possible; a court quashes the order in the end. Of all that is withheld, only what each of these acts asks for is released.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from shared.clock import set_clock
from tests.e2e.client import PersistentClient
from tests.support.eventually import eventually
from tools.stack import StackSettings, running_stack

SHARED = "account:shared_1"
POST = "post:111"
PAGE = "url:https://example.org/manual"
MORNING = datetime(2024, 3, 1, 8, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Scene:
    """Both services on one clock, and one enforcement point for all places, played by the test itself."""

    blocklist: PersistentClient
    notifier: PersistentClient
    clock_file: Path

    def at(self, hour: int, minute: int = 0) -> str:
        """Moves the clock of every process to this time of the day, and says it as a request does."""
        now = MORNING.replace(hour=hour, minute=minute)
        set_clock(self.clock_file, now)
        return now.isoformat().replace("+00:00", "Z")

    def clocks(self, directive: str) -> dict[str, tuple[str, str]]:
        """State and due time (to the minute) of each duty."""
        found = self.notifier.get(f"/v1/directives/{directive}/compliance")["clocks"]
        return {clock["duty"]: (clock["state"], clock["due_at"][11:16]) for clock in found}

    def status(self, directive: str) -> str:
        return str(self.notifier.get(f"/v1/directives/{directive}/compliance")["status"])

    def withheld_in(self, target: str) -> list[str]:
        shown = self.blocklist.get(f"/v1/withholdings/{quote(target, safe=':')}")
        return list(shown["withheld"]["country_codes"])

    async def apply_everything(self, at: str, *, expected: int) -> None:
        """The point applies whatever it is asked for, blocks and releases alike, once it is asked for so much."""
        await eventually(lambda: len(self._asked_for()) == expected, within=20)
        reports = [{**asked, "state": "applied", "at": at} for asked in self._asked_for()]
        self.notifier.post("/v1/enforcements/ack", {"point": "edge", "items": reports})

    def _asked_for(self) -> list[dict[str, Any]]:
        page = self.notifier.get("/v1/enforcements", point="edge", state="pending", limit=1000)
        return [{name: row[name] for name in ("target", "jurisdiction", "version")} for row in page["items"]]


@contextmanager
def scene_on(folder: Path) -> Iterator[Scene]:
    clock_file = folder / "clock.json"
    set_clock(clock_file, MORNING)
    settings = StackSettings.on_free_ports(folder, environ=dict(os.environ), clock_file=clock_file)
    with (
        running_stack(settings, say=lambda _line: None) as stack,
        PersistentClient(stack.blocklist_url) as blocklist,
        PersistentClient(stack.notifier_url) as notifier,
    ):
        notifier.put("/v1/enforcement-points/edge", {"jurisdictions": ["IN", "DE", "FR"], "ack_within_seconds": 86_400})
        yield Scene(blocklist, notifier, clock_file)


def order(authority: str, basis: str, places: list[str], targets: list[str], issued_at: str) -> dict[str, Any]:
    return {
        "authority": authority,
        "reference": f"{authority} of the day",
        "legal_basis": basis,
        "kind": "block",
        "issued_at": issued_at,
        "jurisdictions": places,
        "targets": targets,
        "reason": "Instructs on the making of explosives",
    }


async def test_only_what_each_story_asks_for_is_released(tmp_path: Path) -> None:
    with scene_on(tmp_path) as scene:
        indian = await indian_direction(scene)
        removal = await removal_order(scene)
        await clarified(scene, removal)
        await impossible_for_a_while(scene, removal)
        await effect_given(scene, removal)
        await quashed(scene, removal, indian)


async def indian_direction(scene: Scene) -> str:
    """08:00. India directs the account to be blocked, and it is."""
    now = scene.at(8)
    asked = order("in-meity", "in-it-act-69a", ["IN"], [SHARED], now)
    directive = str(scene.blocklist.post("/v1/directives", asked)["id"])
    scene.blocklist.post(f"/v1/directives/{directive}/decisions", {"decision": "comply", "targets": "all"})
    await scene.apply_everything(now, expected=1)
    await eventually(lambda: scene.status(directive) == "complied", within=20)
    return directive


async def removal_order(scene: Scene) -> str:
    """10:00. A removal order for Germany and France names the same account, a post and a page: one hour."""
    asked = order("eu-tco-authority", "eu-tco", ["DE", "FR"], [SHARED, POST, PAGE], scene.at(10))
    answer = scene.blocklist.post("/v1/directives", asked)
    removal = str(answer["id"])
    assert (answer["status"], answer["items"]["undecided"]) == ("in_force", 3)
    await eventually(lambda: restrict(scene, removal) == ("running", "11:00"), within=20)
    return removal


async def clarified(scene: Scene, removal: str) -> None:
    """10:40. The platform asks which page is meant: the hour stands still until the answer of 13:00, and is then whole again."""
    scene.at(10, 40)
    reply = {"kind": "clarification_request", "text": "Which version of the page?"}
    scene.blocklist.post(f"/v1/directives/{removal}/replies", reply)
    await eventually(lambda: restrict(scene, removal)[0] == "paused", within=20)
    scene.at(12, 59)
    await eventually(lambda: restrict(scene, removal)[0] == "paused", within=20)
    now = scene.at(13)
    notice = {"kind": "clarification", "issued_at": now, "text": "The present one."}
    scene.blocklist.post(f"/v1/directives/{removal}/notices", notice)
    await eventually(lambda: restrict(scene, removal) == ("running", "14:00"), within=20)


async def impossible_for_a_while(scene: Scene, removal: str) -> None:
    """13:30. A fire in a data centre makes it impossible (Annex III); at 16:00 that is over, and there is an hour again."""
    scene.at(13, 30)
    path = f"/v1/directives/{removal}/replies"
    sent = scene.blocklist.post(path, {"kind": "impossibility", "cause": "force_majeure", "text": "A fire."})
    await eventually(lambda: restrict(scene, removal)[0] == "paused", within=20)
    document = scene.notifier.get(f"{path}/{sent['id']}")
    assert (document["form"], document["cause"], document["impediment_ended_at"]) == ("eu-tco-annex-iii", "force_majeure", None)
    now = scene.at(16)
    ended = {"kind": "impossibility", "cause": "force_majeure", "impediment_ended_at": now}
    scene.blocklist.post(path, ended)
    await eventually(lambda: restrict(scene, removal) == ("running", "17:00"), within=20)


async def effect_given(scene: Scene, removal: str) -> None:
    """16:20. Two items are complied with, the page is not to be found; applied within the hour, and reported (Annex II)."""
    now = scene.at(16, 20)
    decisions = f"/v1/directives/{removal}/decisions"
    scene.blocklist.post(decisions, {"decision": "comply", "targets": [SHARED, POST]})
    scene.blocklist.post(decisions, {"decision": "not_located", "targets": [PAGE]})
    await scene.apply_everything(now, expected=4)
    await eventually(lambda: scene.status(removal) == "partial", within=20)
    scene.at(17, 30)
    await eventually(lambda: restrict(scene, removal)[0] == "met", within=20)
    sent = scene.blocklist.post(f"/v1/directives/{removal}/replies", {"kind": "effect_report"})
    await eventually(lambda: sent["id"] in replies(scene, removal), within=20)
    report = scene.notifier.get(f"/v1/directives/{removal}/replies/{sent['id']}")
    given = {item["target"]: (item["when"] or "")[11:16] for item in report["items"] if item["effect_given"]}
    assert (report["form"], given) == ("eu-tco-annex-ii", {SHARED: "16:20", POST: "16:20"})
    assert (report["effect"]["not_located"], report["feedback"]["disabled_in_all_member_states"]) == (1, False)
    assert scene.withheld_in(SHARED) == ["DE", "FR", "IN"]


async def quashed(scene: Scene, removal: str, indian: str) -> None:
    """18:00. A court quashes the order: Germany and France are released within our own time, India is not touched."""
    scene.at(18)
    quash = {"targets": "all", "court": "Court of Justice", "memo": "C-1/24"}
    answer = scene.blocklist.post(f"/v1/directives/{removal}/quash", quash)
    assert (answer["released"], answer["withholdings_changed"]) == (2, 4)
    assert (scene.withheld_in(SHARED), scene.withheld_in(POST)) == (["IN"], [])
    await eventually(lambda: scene.clocks(removal).get("release") == ("running", "19:00"), within=20)

    now = scene.at(18, 30)
    await scene.apply_everything(now, expected=4)
    await eventually(lambda: scene.clocks(removal)["release"][0] == "met", within=20)
    assert (scene.status(removal), scene.status(indian)) == ("closed", "complied")
    assert scene.notifier.get("/v1/jurisdictions/IN")["withheld"] == 1
    assert scene.notifier.get("/v1/jurisdictions/DE")["withheld"] == 0
    causes = {row["cause"] for row in scene.blocklist.get(f"/v1/withholdings/{quote(POST, safe=':')}/history")["items"]}
    assert causes == {None, "quashed"}


def restrict(scene: Scene, directive: str) -> tuple[str, str]:
    return scene.clocks(directive).get("restrict", ("", ""))


def replies(scene: Scene, directive: str) -> list[str]:
    return [reply["id"] for reply in scene.notifier.get(f"/v1/directives/{directive}/replies")["items"]]
