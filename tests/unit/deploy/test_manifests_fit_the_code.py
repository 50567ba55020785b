"""What manifests and code have to agree on: variables, ports, arguments, probes, the time that a process takes to end."""

import importlib
import re
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI

from services.blocklist.app import create_api, create_relay
from services.blocklist.settings import BlocklistSettings
from services.notifier.app import create_app
from services.notifier.settings import NotifierSettings
from shared.serve import DRAIN_SECONDS
from shared.settings import CommonSettings, Environment
from shared.tasks import STOP_WITHIN
from shared.topic_check import SAFE
from tests.unit.deploy.manifests import DEPLOY, Process, every, one, processes, selects, servers
from tools.supervisor import ROOT

MARGIN = 10
"""Seconds for what comes after background work: clients and connections are closed, the interpreter ends."""

SETTINGS: dict[str, type[CommonSettings]] = {"services.blocklist": BlocklistSettings, "services.notifier": NotifierSettings}
PORT_FIELD = {
    ("services.blocklist", "api"): "port",
    ("services.blocklist", "relay"): "relay_port",
    ("services.notifier", "run"): "port",
}

each_process = pytest.mark.parametrize("process", [pytest.param(process, id=process.name) for process in processes()])
each_server = pytest.mark.parametrize("process", [pytest.param(process, id=process.name) for process in servers()])


def known_variables(settings: type[CommonSettings]) -> set[str]:
    return {str(field.validation_alias) for field in settings.model_fields.values()}


def loaded(process: Process, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The settings as the container would read them, with a URL where the Secret would give one."""
    kind = SETTINGS[process.package]
    for variable in known_variables(kind):
        monkeypatch.delenv(variable, raising=False)
    for variable in process.secrets:
        monkeypatch.setenv(variable, "postgresql://user:password@db:5432/name")
    for variable, value in process.settings.items():
        monkeypatch.setenv(variable, value)
    return kind()


def factory(process: Process) -> Callable[[Any], FastAPI]:
    """What makes the application of a process that serves."""
    if process.package == "services.notifier":
        return create_app
    return create_api if process.role == "api" else create_relay


@each_process
def test_every_variable_is_one_that_the_settings_know(process: Process) -> None:
    given = process.settings.keys() | process.secrets.keys()

    assert given - known_variables(SETTINGS[process.package]) == set()


@each_process
def test_a_process_starts_with_what_it_is_given_in_production_and_on_all_addresses(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = loaded(process, monkeypatch)

    assert settings.environment is Environment.PRODUCTION
    assert settings.host == "0.0.0.0"  # noqa: S104 (inside a pod)


@each_process
def test_topics_have_three_copies_and_are_right_in_everything_or_nothing_starts(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = loaded(process, monkeypatch)

    assert (settings.replication, settings.topics_must_be_right, settings.topic_floor) == (3, True, SAFE)


@each_server
def test_a_container_opens_the_port_that_the_code_listens_on(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(process, monkeypatch)

    assert process.port == getattr(settings, PORT_FIELD[process.package, process.role])


@each_process
def test_the_arguments_name_a_role_that_the_code_knows(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOWITHHOLD_LOG_LEVEL", "nonsense")  # stops it after the arguments were read

    with pytest.raises(SystemExit, match="These settings are wrong"):
        importlib.import_module(f"{process.package}.__main__").main([process.role])


@each_server
def test_probes_ask_for_paths_that_the_application_has(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    routes = {getattr(route, "path", None) for route in factory(process)(loaded(process, monkeypatch)).routes}
    probes = {name: process.container[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}

    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startupProbe": "/readyz",
        "readinessProbe": "/readyz",
        "livenessProbe": "/livez",
    }
    assert {probe["path"] for probe in probes.values()} <= routes
    assert {probe["port"] for probe in probes.values()} == {port["name"] for port in process.container["ports"]}


@each_server
def test_a_pod_has_time_to_drain(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    unready = loaded(process, monkeypatch).unready_for

    assert process.pod["terminationGracePeriodSeconds"] >= max(60, unready + DRAIN_SECONDS + STOP_WITHIN + MARGIN)


@each_server
def test_a_process_hears_at_once_that_it_has_to_end(process: Process) -> None:
    assert "lifecycle" not in process.container


def test_a_pod_behind_a_service_waits_until_no_request_is_sent_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in every("Service"):
        (process,) = (process for process in servers() if selects({"matchLabels": service["spec"]["selector"]}, process.labels))

        assert loaded(process, monkeypatch).unready_for == 5
        assert [port["targetPort"] for port in service["spec"]["ports"]] == [port["name"] for port in process.container["ports"]]


def test_the_notifier_finds_the_blocklist(monkeypatch: pytest.MonkeyPatch) -> None:
    (notifier,) = (process for process in servers() if process.package == "services.notifier")
    (port,) = one("Service", "blocklist-api")["spec"]["ports"]

    assert notifier.settings["BLOCKLIST_URL"] == f"http://blocklist-api:{port['port']}"


def test_every_process_runs_the_one_image_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert {process.container["image"] for process in processes()} == {f"geowithhold:{version}"}


def test_the_image_runs_modules_as_the_user_that_the_pods_name() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    (user, group), *_ = re.findall(r"^USER (\d+):(\d+)$", dockerfile, re.MULTILINE)

    assert 'ENTRYPOINT ["python", "-m"]' in dockerfile
    assert {
        (process.pod["securityContext"]["runAsUser"], process.pod["securityContext"]["runAsGroup"]) for process in processes()
    } == {(int(user), int(group))}


def test_the_image_is_made_of_files_that_are_there_and_sent_to_the_builder() -> None:
    sources = re.findall(r"^COPY (?!--from)(\S+) ", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    sent = re.findall(r"^!(\S+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE)

    assert sorted(sources) == sorted(sent)
    assert [source for source in sources if not (ROOT / source).exists()] == []
