"""What is found about sealed directives is told to the topic, and to those subscribers who asked for it and may."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from services.notifier.api.context import ChannelRules
from services.notifier.tables import deliveries
from shared.events import TYPE_OF, CaseIncomplete, ClockBreached, ClockStarted, ReleasedUnilaterally
from tests.integration.notifier.test_api import application, pointers
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import AT, after, counts, item, items, received, withholding

KEY = {"Authorization": "Bearer open sesame"}
OF_DIRECTIVES = {TYPE_OF[kind] for kind in (CaseIncomplete, ClockBreached, ClockStarted, ReleasedUnilaterally)}


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    """With a key that is set."""
    app = application(world, key="open sesame")
    app.state.channel_rules = ChannelRules(allow_private=False, mail=True)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://notifier") as client:
        yield client


async def put(http: httpx2.AsyncClient, name: str, *, key: bool = False, **sent: Any) -> httpx2.Response:
    body = {"jurisdictions": ["IN"], "channel": {"webhook": {"url": "https://ex.org/hook"}}} | sent
    return await http.put(f"/v1/subscriptions/{name}", json=body, headers=KEY if key else {})


async def told(world: World, to: str) -> set[str]:
    return {kind for (kind,) in await world.rows(select(deliveries.c.type).where(deliveries.c.subscription == to))}


async def everything_happens(world: World, *, sealed: bool) -> None:
    """A clock starts and runs out, the platform releases on its own, events are missing; and versions of a key are, too."""
    same: dict[str, Any] = {"sealed": sealed, "due_at": after(10)}
    tally = counts(undecided=1, released={"platform_decision": 1})
    released = item(decision="released", cause="platform_decision", unilateral=True)
    undecided = item("account:b", decision="undecided")
    await world.tell(received(**same), items(4, released, undecided, tally=tally, **same))
    await world.withhold(withholding(version=2, effective_at=AT))
    world.clock.advance(11)
    await world.let_time_work()


async def test_what_names_a_sealed_directive_is_told_to_who_asked_for_it_and_the_rest_to_all(
    http: httpx2.AsyncClient, world: World
) -> None:
    await put(http, "desk")
    await put(http, "counsel", key=True, sealed=True)

    await everything_happens(world, sealed=True)

    lost = {"org.geowithhold.history.incomplete.v1"}
    assert (await told(world, "desk"), await told(world, "counsel") >= OF_DIRECTIVES | lost) == (lost, True)
    assert {envelope.type for envelope in await world.findings()} == await told(world, "counsel")


async def test_what_names_any_other_directive_is_told_to_all(http: httpx2.AsyncClient, world: World) -> None:
    await put(http, "desk")
    await put(http, "counsel", key=True, sealed=True)

    await everything_happens(world, sealed=False)

    assert await told(world, "desk") == await told(world, "counsel") >= OF_DIRECTIVES


async def test_whether_sealed_directives_were_asked_for_is_shown(http: httpx2.AsyncClient) -> None:
    made = [(await put(http, "desk")).json(), (await put(http, "counsel", key=True, sealed=True)).json()]
    shown = [(await http.get(f"/v1/subscriptions/{each['id']}")).json()["sealed"] for each in made]

    assert [each["sealed"] for each in made] == shown == [False, True]


async def test_a_subscription_to_what_is_sealed_takes_the_key_to_make_to_change_and_to_end(http: httpx2.AsyncClient) -> None:
    refused = [await put(http, "counsel", sealed=True)]
    await put(http, "counsel", key=True, sealed=True)
    refused.append(await put(http, "counsel", channel={"webhook": {"url": "https://elsewhere.ex.org/"}}))
    refused.append(await http.delete("/v1/subscriptions/counsel"))

    assert [(answer.status_code, pointers(answer)) for answer in refused] == [(422, ["/sealed"])] * 3
    assert (await http.get("/v1/subscriptions/counsel")).json()["channel"]["webhook"]["url"] == "https://ex.org/hook"
    assert (await http.delete("/v1/subscriptions/counsel", headers=KEY)).status_code == 204


async def test_a_sealed_that_is_neither_true_nor_false_is_refused(http: httpx2.AsyncClient) -> None:
    answer = await put(http, "desk", sealed="yes")

    assert (answer.status_code, pointers(answer)) == (422, ["/sealed"])


@pytest.mark.parametrize("ends", [True, False])
async def test_one_that_ends_or_is_unsealed_leaves_nothing_that_could_be_sent_to_somebody_else(
    http: httpx2.AsyncClient, world: World, ends: bool
) -> None:
    await put(http, "counsel", key=True, sealed=True)
    await everything_happens(world, sealed=True)

    if ends:
        await http.delete("/v1/subscriptions/counsel", headers=KEY)
    else:
        await put(http, "counsel", key=True)

    assert await told(world, "counsel") == set()
