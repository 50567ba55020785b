import re
from pathlib import Path

import pytest

from services.blocklist.exports.addresses import DEFAULT_ADDRESSES
from services.blocklist.settings import BlocklistSettings
from shared.clock import SettableClock, system_clock
from shared.settings import load_settings
from shared.targets import DEFAULT_PLATFORM
from shared.topic_check import SAFE, Floor

PREFIXES = ("GEOWITHHOLD_", "BLOCKLIST_", "KAFKA_")


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith(PREFIXES):
            monkeypatch.delenv(name)


def loaded(monkeypatch: pytest.MonkeyPatch, **environment: str) -> BlocklistSettings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings(BlocklistSettings)


def test_an_empty_environment_is_a_development_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch)

    assert (settings.port, settings.kafka_bootstrap_servers, settings.embedded) == (8000, "127.0.0.1:9092", True)
    assert settings.database_url == f"sqlite:///{Path('var').absolute() / 'blocklist.sqlite3'}"
    assert settings.clock is system_clock
    assert settings.platform == DEFAULT_PLATFORM
    assert (settings.platform_name, settings.addresses, settings.admin_key) == ("X", DEFAULT_ADDRESSES, None)


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(monkeypatch, BLOCKLIST_PORT="", BLOCKLIST_DATABASE_URL="").port == 8000


def test_what_the_environment_says_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = loaded(
        monkeypatch,
        BLOCKLIST_PORT="9000",
        BLOCKLIST_DATABASE_URL="postgresql://user@host/name",
        GEOWITHHOLD_TOPIC_PREFIX="other",
        GEOWITHHOLD_PARTITIONS="12",
        GEOWITHHOLD_REPLICATION="3",
        GEOWITHHOLD_CLOCK_FILE=str(tmp_path / "clock.json"),
        GEOWITHHOLD_PLATFORM_HOSTS="Social.Example www.social.example",
        GEOWITHHOLD_PLATFORM_POST_PATTERN="/p/(?P<id>[0-9]+)",
    )

    assert (settings.port, settings.embedded, settings.topics.withholdings) == (9000, False, "other.withholdings.v1")
    assert {(spec.partitions, spec.replication) for spec in settings.topics.specs()} == {(12, 3)}
    assert isinstance(settings.clock, SettableClock)
    assert settings.platform.hosts == {"social.example", "www.social.example"}
    assert settings.platform.post == re.compile("/p/(?P<id>[0-9]+)")


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as stopped:
        loaded(
            monkeypatch,
            BLOCKLIST_PORT="0",
            BLOCKLIST_DATABASE_URL="mysql://host/name",
            GEOWITHHOLD_TOPIC_PREFIX="With Space",
            GEOWITHHOLD_PARTITIONS="many",
            GEOWITHHOLD_LOG_LEVEL="LOUD",
        )

    named = [
        "BLOCKLIST_PORT", "BLOCKLIST_DATABASE_URL", "GEOWITHHOLD_TOPIC_PREFIX", "GEOWITHHOLD_PARTITIONS",
        "GEOWITHHOLD_LOG_LEVEL",
    ]  # fmt: skip
    assert [name for name in named if name not in str(stopped.value)] == []


@pytest.mark.parametrize("url", ["nonsense", "", "mysql://host/name", "sqlite://", "sqlite:///:memory:", "postgresql:/x y"])
def test_a_database_that_cannot_be_used_is_named_and_not_a_traceback(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    if url == "":
        assert loaded(monkeypatch, BLOCKLIST_DATABASE_URL=url).embedded
        return

    with pytest.raises(SystemExit, match="BLOCKLIST_DATABASE_URL"):
        loaded(monkeypatch, BLOCKLIST_DATABASE_URL=url)


@pytest.mark.parametrize("name", ["ACCOUNT", "POST", "HASHTAG"])
def test_an_address_without_a_place_for_the_id_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(SystemExit, match=r"needs \{id\} once"):
        loaded(monkeypatch, **{f"GEOWITHHOLD_PLATFORM_{name}_URL": "https://social.example/"})


def test_the_key_of_the_administrator_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, GEOWITHHOLD_ADMIN_KEY="hunter2")

    assert (settings.admin_key is not None, "hunter2" in repr(settings)) == (True, False)


def test_a_wrong_setting_never_shows_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as stopped:
        loaded(monkeypatch, BLOCKLIST_DATABASE_URL="mysql://user:hunter2@host/name")

    assert "hunter2" not in str(stopped.value)


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"GEOWITHHOLD_CLOCK_FILE": "clock.json", "BLOCKLIST_DATABASE_URL": "postgresql://h/n"}, "GEOWITHHOLD_CLOCK_FILE"),
        ({}, "BLOCKLIST_DATABASE_URL"),
        ({"BLOCKLIST_DATABASE_URL": "sqlite:///file"}, "BLOCKLIST_DATABASE_URL"),
    ],
)
def test_production_refuses_what_only_a_replay_or_a_laptop_may_have(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], named: str
) -> None:
    with pytest.raises(SystemExit, match=named):
        loaded(monkeypatch, GEOWITHHOLD_ENVIRONMENT="production", **environment)


def test_production_runs_on_postgresql_and_wall_time(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"GEOWITHHOLD_ENVIRONMENT": "production", "BLOCKLIST_DATABASE_URL": "postgresql://h/n"}

    assert not loaded(monkeypatch, **environment).embedded


PRODUCTION = {"GEOWITHHOLD_ENVIRONMENT": "production", "BLOCKLIST_DATABASE_URL": "postgresql://h/n"}


@pytest.mark.parametrize(
    ("environment", "strict", "replication", "floor"),
    [
        ({}, False, 1, Floor()),
        ({"GEOWITHHOLD_STRICT_TOPICS": "true"}, True, 1, Floor()),
        (PRODUCTION, True, 3, SAFE),
        (PRODUCTION | {"GEOWITHHOLD_STRICT_TOPICS": "false"}, False, 3, SAFE),
        (PRODUCTION | {"GEOWITHHOLD_REPLICATION": "5"}, True, 5, SAFE),
        (PRODUCTION | {"GEOWITHHOLD_ALLOW_WEAK_REPLICATION": "true"}, True, 3, Floor()),
        (PRODUCTION | {"GEOWITHHOLD_ALLOW_WEAK_REPLICATION": "true", "GEOWITHHOLD_REPLICATION": "1"}, True, 1, Floor()),
    ],
)
def test_what_topics_must_be_like(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], strict: bool, replication: int, floor: Floor
) -> None:
    settings = loaded(monkeypatch, **environment)

    assert (settings.topics_must_be_right, settings.replication, settings.topic_floor) == (strict, replication, floor)


@pytest.mark.fault(19)
def test_production_with_fewer_than_three_copies_is_refused_with_the_setting_that_allows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(SystemExit, match=r"GEOWITHHOLD_REPLICATION.*GEOWITHHOLD_ALLOW_WEAK_REPLICATION=true"):
        loaded(monkeypatch, **PRODUCTION, GEOWITHHOLD_REPLICATION="2")


@pytest.mark.parametrize("name", ["GEOWITHHOLD_PLATFORM_POST_PATTERN", "GEOWITHHOLD_PLATFORM_ACCOUNT_PATTERN"])
@pytest.mark.parametrize("pattern", ["/no/group", "/([unclosed"])
def test_a_pattern_without_its_group_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str, pattern: str) -> None:
    with pytest.raises(SystemExit, match=r"group|pattern|regular"):
        loaded(monkeypatch, **{name: pattern})
