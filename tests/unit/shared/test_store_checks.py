"""What is held against a PostgreSQL server, setting by setting."""

import pytest

from shared.store_checks import judge, pooled

FIT = {
    "server_version_num": "180001",
    "in_hot_standby": "off",
    "default_transaction_read_only": "off",
    "fsync": "on",
    "full_page_writes": "on",
    "data_sync_retry": "off",
    "synchronous_commit": "on",
    "synchronous_standby_names": "",
}


def found(**changes: str) -> list[tuple[str, bool]]:
    """The settings that are held against the server, and whether each may heal."""
    rows = [(name, value, "configuration file") for name, value in (FIT | changes).items()]
    return [(finding.setting, finding.heals) for finding in judge(rows)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"synchronous_commit": "remote_apply", "synchronous_standby_names": "b"},
        {"synchronous_commit": "local"},
        {"synchronous_commit": "remote_write"},
        {"server_version_num": "140000"},
    ],
)
def test_a_server_that_keeps_what_it_commits_is_fit(changes: dict[str, str]) -> None:
    assert found(**changes) == []


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"fsync": "off"}, "fsync"),
        ({"full_page_writes": "off"}, "full_page_writes"),
        ({"data_sync_retry": "on"}, "data_sync_retry"),
        ({"synchronous_commit": "off"}, "synchronous_commit"),
        ({"synchronous_commit": "local", "synchronous_standby_names": "b"}, "synchronous_commit"),
        ({"synchronous_commit": "remote_write", "synchronous_standby_names": "b"}, "synchronous_commit"),
        ({"server_version_num": "130012"}, "server_version_num"),
    ],
)
def test_a_server_that_may_lose_what_it_commits_has_to_be_mended(changes: dict[str, str], setting: str) -> None:
    assert found(**changes) == [(setting, False)]


@pytest.mark.fault(33)
@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"default_transaction_read_only": "on"}, "default_transaction_read_only"),
        ({"in_hot_standby": "on"}, "in_hot_standby"),
    ],
)
def test_a_server_that_takes_no_writes_may_take_them_later(changes: dict[str, str], setting: str) -> None:
    assert found(**changes) == [(setting, True)]


def test_everything_that_is_wrong_is_named_at_once() -> None:
    assert [setting for setting, _ in found(fsync="off", synchronous_commit="off", in_hot_standby="on")] == [
        "fsync",
        "synchronous_commit",
        "in_hot_standby",
    ]


def test_a_finding_says_what_is_where_and_what_to_do() -> None:
    (finding,) = judge([(name, value, "database") for name, value in (FIT | {"synchronous_commit": "off"}).items()])

    assert str(finding).startswith("synchronous_commit is off (database): ")
    assert "ALTER DATABASE" in finding.remedy


def test_a_pooler_that_hands_sessions_around_has_to_be_mended() -> None:
    assert (pooled().heals, "transaction pooler" in str(pooled())) == (False, True)


def test_a_setting_that_the_server_does_not_know_is_no_finding() -> None:
    rows = [(name, value, "default") for name, value in FIT.items() if name != "data_sync_retry"]

    assert judge(rows) == []
