"""A writer whose row has a lower id and which commits later: what it stored is published after all, and holds up nobody."""

import pytest

from services.blocklist.outbox import OUTBOX
from shared.db import Database
from shared.outbox.table import Row
from tests.support.blocklist import delete_all
from tests.support.builders import NOON
from tests.support.relay_cases import FIRST, numbers, sql_case


@pytest.mark.postgres
@pytest.mark.fault(9)
@pytest.mark.fault(10)
async def test_a_row_with_a_lower_id_that_commits_later_is_published_and_others_do_not_wait_for_it(database: Database) -> None:
    await database.write(delete_all)
    case = sql_case(database)
    await case.store.ensure([FIRST])
    hold = (await case.held())[FIRST]
    async with database._engines.writer.connect() as slow:
        await OUTBOX.append(slow, [Row(FIRST, "many", 1, b"slow")], NOON)
        await case.append([Row(FIRST, "many", 1, b"fast")])
        first = await case.batch(hold)
        await case.mark(first)
        await slow.commit()

    second = await case.batch(hold)

    assert [row.body for row in (*first.rows, *second.rows)] == [b"fast", b"slow"]
    assert second.rows[0].id < first.rows[0].id
    assert (numbers(first), numbers(second)) == ([(1, 1)], [(2, 1)])
