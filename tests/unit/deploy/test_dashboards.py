import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.metrics import MetricWrapperBase

from services.blocklist import metrics as blocklist
from services.notifier import metrics as notifier
from services.notifier.delivery_metrics import DeliveryMetrics
from services.notifier.domain.enforcement import COUNTED
from shared.clock import system_clock
from shared.db import Database
from shared.http.metrics import HttpMetrics
from shared.outbox.metrics import RelayMetrics
from tools.dashboards.__main__ import FOLDER, main, out_of_date, rendered

BINDING = {
    "geowithhold_directives_received_total",
    "geowithhold_withholdings",
    "geowithhold_releases_total",
    "geowithhold_outbox_unpublished",
    "geowithhold_outbox_oldest_seconds",
    "geowithhold_events_published_total",
    "geowithhold_consumer_lag_seconds",
    "geowithhold_enforcements",
    "geowithhold_time_to_enforce_seconds_bucket",
    "geowithhold_deadline_breaches_total",
    "geowithhold_quarantined",
    "geowithhold_version_holes_total",
}
"""The series that users were promised."""

each_board = pytest.mark.parametrize("board", [pytest.param(json.loads(text), id=name) for name, text in rendered().items()])


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", [])


def targets(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in panels(board):
        yield from panel.get("targets", [])


def series(expr: str) -> set[str]:
    return set(re.findall(r"\bgeowithhold_\w+", expr))


def selected(expr: str) -> Iterator[tuple[str, str, str]]:
    """Series, label and value of every matcher."""
    for name, matchers in re.findall(r"\b(geowithhold_\w+)\{([^}]*)\}", expr):
        for label, value in re.findall(r'(\w+)(?:=~|!~|!=|=)"([^"]*)"', matchers):
            yield name, label, value


def grouped(expr: str) -> set[str]:
    return {label for labels in re.findall(r"\bby \(([^)]*)\)", expr) for label in labels.split(", ")}


def labels_of_series(registry: CollectorRegistry) -> dict[str, set[str]]:
    """Every series that the instruments of a registry can give, and its labels."""
    found: dict[str, set[str]] = {}
    for instrument in registry._collector_to_names:
        assert isinstance(instrument, MetricWrapperBase)
        (family,) = instrument.describe()
        labels = set(instrument._labelnames)
        match family.type:
            case "counter":
                found[f"{family.name}_total"] = labels
            case "histogram":
                assert isinstance(instrument, Histogram)
                found |= {f"{family.name}_bucket": labels | {"le"}, f"{family.name}_sum": labels, f"{family.name}_count": labels}
            case _:
                found[family.name] = labels
    return found


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The series of both services, and their labels."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('metrics') / 'never-opened.sqlite3'}")
    of_blocklist, of_notifier = CollectorRegistry(), CollectorRegistry()
    blocklist.CommandMetrics(of_blocklist)
    RelayMetrics(of_blocklist)
    blocklist.StateMetrics(of_blocklist, database, system_clock)
    notifier.FactMetrics(of_notifier)
    notifier.StateMetrics(of_notifier, database, system_clock, dict)
    RelayMetrics(of_notifier)
    DeliveryMetrics(of_notifier)
    for registry in (of_blocklist, of_notifier):
        HttpMetrics(FastAPI(), registry)
    return labels_of_series(of_blocklist) | labels_of_series(of_notifier)


@each_board
def test_every_series_that_a_query_names_is_one_that_a_service_gives(board: dict[str, Any], known: dict[str, set[str]]) -> None:
    named = {name for target in targets(board) for name in series(target["expr"])}

    assert named - known.keys() == set()


@each_board
def test_every_label_that_a_query_selects_is_one_of_its_series(board: dict[str, Any], known: dict[str, set[str]]) -> None:
    wrong = [
        (name, label) for target in targets(board) for name, label, _ in selected(target["expr"]) if label not in known[name]
    ]

    assert wrong == []


@each_board
def test_every_label_that_a_query_groups_by_is_one_of_its_series(board: dict[str, Any], known: dict[str, set[str]]) -> None:
    for target in targets(board):
        has = set().union(*(known[name] for name in series(target["expr"])))

        assert grouped(target["expr"]) <= has, target["expr"]


@each_board
def test_every_label_that_a_legend_shows_is_one_that_its_query_keeps(board: dict[str, Any]) -> None:
    for target in targets(board):
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= grouped(target["expr"]), target["expr"]


@each_board
def test_states_that_a_query_selects_are_states_that_are_counted(board: dict[str, Any]) -> None:
    states = {value for target in targets(board) for _, label, value in selected(target["expr"]) if label == "state"}

    assert states <= {state.value for state in COUNTED}


@each_board
def test_the_jurisdictions_to_choose_from_are_a_label_of_some_series(board: dict[str, Any], known: dict[str, set[str]]) -> None:
    (query,) = (variable["query"] for variable in board["templating"]["list"] if variable["name"] == "jurisdiction")
    *_, label = re.findall(r"\w+", query)

    assert label in set().union(*known.values())


def test_every_series_that_was_promised_is_shown() -> None:
    shown = {name for text in rendered().values() for target in targets(json.loads(text)) for name in series(target["expr"])}

    assert BINDING - shown == set()


@each_board
def test_every_query_asks_the_data_source_that_the_reader_chose(board: dict[str, Any]) -> None:
    (choice,) = (variable for variable in board["templating"]["list"] if variable["type"] == "datasource")
    asked = {target["datasource"]["uid"] for target in targets(board)}

    assert (choice["name"], choice["query"]) == ("datasource", "prometheus")
    assert asked == {"${datasource}"}


@each_board
def test_panels_have_ids_and_titles_of_their_own_and_say_what_they_mean(board: dict[str, Any]) -> None:
    every = list(panels(board))
    ids = [panel["id"] for panel in every]
    titles = [panel["title"] for panel in every]

    assert len(set(ids)) == len(ids)
    assert len(set(titles)) == len(titles)
    assert [panel["title"] for panel in every if panel["type"] != "row" and not panel.get("description")] == []


@each_board
def test_panels_do_not_lie_on_each_other(board: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels(board):
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}

        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells


def test_the_committed_dashboards_are_what_the_code_builds() -> None:
    assert out_of_date(FOLDER) == []


def test_the_check_names_each_dashboard_that_is_missing_or_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"], tmp_path) == 1
    assert "make dashboards" in capsys.readouterr().err

    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0

    (file,) = tmp_path.iterdir()
    file.write_text(file.read_text().replace("Geowithhold", "Something"))

    assert main(["--check"], tmp_path) == 1
    assert file.name in capsys.readouterr().err
