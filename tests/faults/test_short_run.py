"""A short run of the whole fault suite: every process real, faults of every sort, and no promise broken."""

from pathlib import Path

import pytest

from tests.faults.brokers import best_broker
from tests.faults.run import Settings, carry_out

FAULTS = 25


@pytest.mark.fault(3)
@pytest.mark.fault(7)
@pytest.mark.fault(26)
@pytest.mark.fault(29)
@pytest.mark.postgres
@pytest.mark.broker
@pytest.mark.timeout(600)
async def test_a_short_run_under_faults_breaks_no_promise(tmp_path: Path) -> None:
    outcome = await carry_out(
        Settings(seed=20261124, operations=1500, faults=FAULTS, minutes=0.7, broker=best_broker(), clients=3, out=tmp_path)
    )

    assert outcome["first_violations"] == []
    assert outcome["effective_faults"] >= FAULTS
    assert outcome["operations"] >= 1500
    assert outcome["rest_after_seconds"] is not None
