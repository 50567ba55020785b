"""The end of the story: every figure of it, from both services and from the topic itself, and the tables that show it."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.table import Table

from shared.topics import Topics
from tools.demo.figures import Figures
from tools.demo.law import Ledger
from tools.demo.past import note_past, note_reports, note_transparency
from tools.demo.scene import POINTS, Scene
from tools.demo.story import PLACE, Cast
from tools.demo.topic import TopicContents, read_withholdings


def note_end_state(scene: Scene, figures: Figures, expected: Mapping[str, Any], cast: Cast, ledger: Ledger) -> None:
    """Observes everything that section and data say of the end, and prints it."""
    compliance = {
        "first": scene.notifier.get(f"/v1/directives/{cast.first}/compliance"),
        "second": scene.notifier.get(f"/v1/directives/{cast.second}/compliance"),
    }
    _note_directives(scene, figures, expected, cast, compliance)
    _note_places(scene, figures, expected)
    contents = asyncio.run(read_withholdings(scene.stack.bootstrap, Topics()))
    _note_topic(figures, expected, contents)
    note_reports(scene, figures, expected, cast)
    note_transparency(scene, figures, expected)
    note_past(scene, figures, expected, ledger)
    ledger.note_as_of(first=cast.first, second=cast.second)
    scene.console.print(ledger.table())
    scene.console.print(_directive_table(compliance))
    scene.console.print(_place_table(scene))


def _note_directives(
    scene: Scene, figures: Figures, expected: Mapping[str, Any], cast: Cast, compliance: Mapping[str, Any]
) -> None:
    ids = {"first": cast.first, "second": cast.second}
    ending = {"first": ("non_compliant", 3), "second": ("partial", 1)}
    complied = {}
    for name, id_ in ids.items():
        found, want = compliance[name], expected[name]
        query = f"GET notifier /v1/directives/{{{name}}}/compliance"
        status, replies = ending[name]
        figures.compare(f"{name}.end", query, found, {
            "specified": want["items"], "withheld": want["complied_finally"], "refused": want["refused_finally"],
            "undecided": 0, "not_located": 0, "withdrawn": 0, "enforced": want["complied_finally"], "pending": 0, "overdue": 0,
            "status": status, "replies": replies,
        })  # fmt: skip
        items = list(scene.blocklist.items(f"/v1/directives/{id_}/items"))
        grounds = Counter(item["ground"] for item in items if item["decision"] == "refused")
        figures.compare(
            f"{name}.refused_by_ground", f"GET /v1/directives/{{{name}}}/items: ground", grounds, want["refused_by_ground"]
        )
        complied[name] = {item["target"] for item in items if item["decision"] == "complied"}
        figures.add(f"{name}.complied_finally", f"GET /v1/directives/{{{name}}}/items: decision", len(complied[name]),
                    want["complied_finally"])  # fmt: skip
    figures.add("first.end.notices", "GET notifier /v1/directives/{first}/compliance: notices", compliance["first"]["notices"], 1)
    figures.add("IN.complied_in_both", "GET /v1/directives/{id}/items of both", len(complied["first"] & complied["second"]),
                expected["IN"]["complied_in_both"])  # fmt: skip


def _note_places(scene: Scene, figures: Figures, expected: Mapping[str, Any]) -> None:
    here = scene.notifier.get(f"/v1/jurisdictions/{PLACE}")
    elsewhere = sum(row["withheld"] for row in scene.notifier.items("/v1/jurisdictions") if row["jurisdiction"] != PLACE)
    listed = Counter(row["jurisdiction"] for row in scene.blocklist.items("/v1/withholdings"))
    withheld = expected["IN"]["withheld_finally"]
    path = f"GET notifier /v1/jurisdictions/{PLACE}"
    figures.add("IN.withheld_finally", f"{path}: withheld", here["withheld"], withheld)
    figures.add("IN.listed_as_withheld", f"GET /v1/withholdings?jurisdiction={PLACE}", listed[PLACE], withheld)
    figures.add("IN.unilateral_releases", f"{path}: unilateral_releases", here["unilateral_releases"],
                expected["first"]["unilateral_releases"])  # fmt: skip
    for state in ("pending", "failed", "overdue", "reverted"):
        figures.add(f"IN.enforcements.{state}", f"{path}: enforcements", here["enforcements"][state], 0)
    figures.add(
        "elsewhere.withheld_finally", "GET notifier /v1/jurisdictions", elsewhere, expected["elsewhere"]["withheld_finally"]
    )
    figures.add("elsewhere.listed_as_withheld", "GET /v1/withholdings", listed.total() - listed[PLACE],
                expected["elsewhere"]["withheld_finally"])  # fmt: skip
    for point in POINTS:
        applied = Counter(
            row["state"] for row in scene.notifier.items("/v1/enforcements", point=point, jurisdiction=PLACE, current="true")
        )
        figures.add(f"points.{point}.applied", f"GET notifier /v1/enforcements?point={point}", applied["applied"],
                    here["withheld"] + here["released"])  # fmt: skip


def _note_topic(figures: Figures, expected: Mapping[str, Any], contents: TopicContents) -> None:
    first, second = expected["first"], expected["second"]
    changes = 2 * first["items"] + second["complied_finally"] + first["complied_finally"] - expected["IN"]["complied_in_both"]
    topic = "geowithhold.withholdings.v1"
    figures.add("topic.versions", f"{topic}: distinct (key, version)", contents.total, changes, source="topic")
    figures.add("topic.keys_out_of_order", f"{topic}: keys not at 1, 2, 3 …", contents.out_of_order, 0, source="topic")
    figures.add("topic.IN.withheld", f"{topic}: last state by key", contents.withheld[PLACE], expected["IN"]["withheld_finally"],
                source="topic")  # fmt: skip
    figures.add("topic.elsewhere.withheld", f"{topic}: last state by key", contents.withheld.total() - contents.withheld[PLACE],
                expected["elsewhere"]["withheld_finally"], source="topic")  # fmt: skip


def _directive_table(compliance: Mapping[str, Any]) -> Table:
    table = Table(title="Directives, as the notifier sees them")
    columns = ("specified", "withheld", "refused", "enforced", "notices", "replies", "status")
    for column in ("directive", *columns, "exposure"):
        table.add_column(column, justify="left" if column in ("directive", "status", "exposure") else "right")
    for name, found in compliance.items():
        exposure = found["exposure"]
        unmet = f"{exposure['maximum']} ({exposure['unmet_items']} unmet)" if exposure else "none"
        table.add_row(name, *(str(found[column]) for column in columns), unmet)
    return table


def _place_table(scene: Scene) -> Table:
    table = Table(title="Jurisdictions")
    columns = ("withheld", "released", "unilateral_releases", "overdue")
    for column in ("jurisdiction", *columns, "applied"):
        table.add_column(column, justify="right")
    for row in scene.notifier.items("/v1/jurisdictions"):
        table.add_row(row["jurisdiction"], *(str(row[column]) for column in columns), str(row["enforcements"]["applied"]))
    return table
