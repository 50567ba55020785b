"""The past, asked at the end: what was withheld at each date, by which directives, and what the authority was told."""

from collections.abc import Mapping
from typing import Any

from tools.demo.figures import Figures
from tools.demo.law import Ledger
from tools.demo.scene import Scene
from tools.demo.story import PLACE, Cast


def note_reports(scene: Scene, figures: Figures, expected: Mapping[str, Any], cast: Cast) -> None:
    """The report on each directive, as the authority gets it: if effect was given, and when."""
    for name, id_ in (("first", cast.first), ("second", cast.second)):
        path, want = f"/v1/directives/{id_}/replies", expected[name]
        sent = {reply["kind"]: reply["id"] for reply in scene.notifier.items(path)}
        effect = scene.notifier.get(f"{path}/{sent['effect_report']}")["effect"]
        figures.compare(f"{name}.effect_report", f"GET notifier /v1/directives/{{{name}}}/replies/{{effect_report}}", effect, {
            "specified": want["items"], "effect_given": want["complied_finally"], "decided_not_yet_applied": 0,
            "refused": want["refused_finally"], "refused_by_ground": want["refused_by_ground"],
        })  # fmt: skip


def note_transparency(scene: Scene, figures: Figures, expected: Mapping[str, Any]) -> None:
    """The figures of the two months, as a report to the public has them before small counts are suppressed."""
    query = {"from": "2021-01-01", "to": "2021-03-01", "audience": "internal"}
    rows = {row["legal_basis"]: row for row in scene.notifier.get("/v1/transparency", **query)["rows"]}
    for name, basis in (("first", "in-it-act-69a-emergency"), ("second", "in-it-act-69a")):
        row, want = rows[basis], expected[name]
        figures.compare(f"transparency.{name}", f"GET notifier /v1/transparency: {basis}", row, {
            "targets": want["items"], "refused_by_ground": want["refused_by_ground"], "unofficial_requests": 0,
            "restored_by_the_platform": want.get("unilateral_releases", 0),
            "news_outlets_targeted": want["refused_by_ground"]["news_media"],
            "journalists_targeted": want["refused_by_ground"]["journalist"],
        })  # fmt: skip
        figures.add(f"transparency.{name}.complied", f"GET notifier /v1/transparency: {basis}", row["decisions"]["complied"],
                    want["complied_finally"])  # fmt: skip


def note_past(scene: Scene, figures: Figures, expected: Mapping[str, Any], ledger: Ledger) -> None:
    """The withholdings as of each date, and as of noon of the day on which nothing was withheld."""
    first, at_the_end = expected["first"]["items"], expected["IN"]["withheld_finally"]
    withheld = {
        "2021-01-31": first, "2021-02-01": 0, "2021-02-03": 0, "2021-02-04": 0, "2021-02-08": 0, "2021-02-10": at_the_end,
    }  # fmt: skip
    instants = {date: instant.isoformat() for date, instant in ledger.instants.items()}
    for date, instant in {**instants, "2021-02-02": "2021-02-02T12:00:00Z"}.items():
        rows = list(scene.blocklist.items("/v1/withholdings", jurisdiction=PLACE, as_of=instant))
        query = f"GET /v1/withholdings?jurisdiction={PLACE}&as_of={instant}"
        figures.add(f"as_of.{date}.withheld", query, len(rows), withheld.get(date, 0))
    before = list(scene.blocklist.items("/v1/withholdings", jurisdiction=PLACE, as_of=instants["2021-01-31"]))
    holders = {holder for row in before for holder in row["claimants"]}
    figures.add("as_of.2021-01-31.held_by", "…: directives that held them", len(holders), 1)
