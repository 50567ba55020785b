"""One row of ten thousand is bad: nothing of the whole is stored, and the row is named; without it all of them are stored."""

from typing import Any

import pytest

from tests.support.blocklist import Api, running_api
from tests.support.builders import later_json

ROWS = 10_000
BAD = 7_000
NOT_A_TARGET = "https://[not a url"

pytestmark = [pytest.mark.fault(44), pytest.mark.timeout(300)]


def rows(bad: Any = NOT_A_TARGET) -> list[Any]:
    """Distinct targets, of which one is what is said."""
    return [f"@acct_{number}" if number != BAD else bad for number in range(ROWS)]


@pytest.mark.parametrize("bad", [NOT_A_TARGET, "", None, 7, {"type": "planet", "id": "x"}, "@" + "x" * 100])
async def test_the_row_is_named_and_nothing_of_the_whole_is_stored(bad: Any, sqlite_database: str) -> None:
    async with running_api(sqlite_database) as api:
        before = await api.rows()

        refused = await api.post("/v1/directives", later_json(*rows(bad)), 422)

        assert [error["pointer"] for error in refused["errors"]] == [f"/targets/{BAD}"]
        assert await api.rows() == before


async def test_every_bad_row_is_named(sqlite_database: str) -> None:
    sent = rows()
    sent[3], sent[ROWS - 1] = "", NOT_A_TARGET
    async with running_api(sqlite_database) as api:
        refused = await api.post("/v1/directives", later_json(*sent), 422)

    assert [error["pointer"] for error in refused["errors"]] == ["/targets/3", f"/targets/{BAD}", f"/targets/{ROWS - 1}"]


async def test_a_decision_and_a_release_are_all_or_nothing_too(database_url: str) -> None:
    async with running_api(database_url) as api:
        good = [f"@acct_{number}" for number in range(500)]
        directive = await api.submit(later_json(*good))
        decisions, bad = f"/v1/directives/{directive['id']}/decisions", [*good[:300], NOT_A_TARGET, *good[300:]]
        release = {"cause": "error", "directive": directive["id"], "jurisdictions": ["IN"]}
        before = await api.rows()

        undecided = await api.post(decisions, {"decision": "comply", "targets": bad}, 422)
        after_refusal = await api.rows()
        await api.post(decisions, {"decision": "comply", "targets": good})
        decided = await stored(api)
        kept = await api.post("/v1/releases", {**release, "targets": bad}, 422)

        assert (before == after_refusal, decided == await stored(api)) == (True, True)
        assert [error["pointer"] for body in (undecided, kept) for error in body["errors"]] == ["/targets/300"] * 2


async def stored(api: Api) -> list[tuple[str, str, int]]:
    return [(row["target"], row["state"], row["version"]) for row in (await api.rows())["withholdings"]]


async def test_without_the_bad_row_each_of_them_is_stored_once(sqlite_database: str) -> None:
    async with running_api(sqlite_database) as api:
        accepted = await api.submit(later_json(*rows("@acct_of_the_row")))
        found = [row["target"] for row in (await api.rows())["items"]]

    assert accepted["items"]["total"] == ROWS
    assert (len(found), len(set(found))) == (ROWS, ROWS)
