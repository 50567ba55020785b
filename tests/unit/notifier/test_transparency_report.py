"""The transparency report as the public sees it, as the platform sees it, and as a table."""

import csv
import io
from collections import Counter
from typing import Any

import pytest

from services.notifier.documents import Audience, Document, Report, csv_of, transparency, transparency_page
from services.notifier.documents.charts import duration
from services.notifier.documents.table import harmless
from services.notifier.domain.transparency import Figures, RowKey, together
from shared.ids import Jurisdiction
from tests.unit.notifier.builders import AT, after

IN, DE = (RowKey(Jurisdiction(place), "in-meity", "in-it-act-69a") for place in ("IN", "DE"))


def figures(**decisions: int) -> Figures:
    return Figures(directives=Counter(block=12), decisions=Counter(decisions))


def report(audience: Audience = Audience.PUBLIC, **rows: Figures) -> Document:
    keys = {"india": IN, "germany": DE}
    found = {keys[name]: row for name, row in rows.items()}
    return transparency(
        Report(
            start=AT,
            end=after(86_400),
            as_of=after(90_000),
            audience=audience,
            filters={"jurisdiction": None, "authority": "in-meity", "legal_basis": None},
            rows=found,
            total=together(found.values()),
        )
    )


def shown(document: Document, row: int = 0) -> dict[str, Any]:
    return {name: count for name, count in document["rows"][row]["decisions"].items() if count}


def test_the_platform_sees_every_count() -> None:
    document = report(Audience.INTERNAL, india=figures(complied=40, refused=3))

    assert shown(document) == {"complied": 40, "refused": 3}
    assert document["rows"][0]["targets"] == document["totals"]["targets"] == 43
    assert document["rows"][0]["seconds_to_effect"] == {"cases": 0, "median": None, "p95": None}


def test_the_public_cannot_compute_a_small_count_from_its_row() -> None:
    document = report(india=figures(complied=40, refused=3, undecided=20))

    assert shown(document) == {"complied": 40, "refused": "<10", "undecided": "suppressed"}
    assert document["rows"][0]["targets"] == 63


def test_the_public_cannot_compute_a_small_count_from_a_total() -> None:
    document = report(india=figures(complied=40, refused=3, undecided=20), germany=figures(complied=50, refused=20))

    totals = document["totals"]
    assert (totals["decisions"]["refused"], totals["decisions"]["undecided"]) == ("suppressed", "suppressed")
    assert totals["decisions"]["complied"] == 90
    assert totals["directives"]["block"] == 24


def test_a_total_that_would_tell_what_one_row_does_not_is_suppressed() -> None:
    few = Figures(directives=Counter(block=3))

    document = report(india=figures(), germany=few)

    assert [row["directives"]["block"] for row in document["rows"]] == [12, "<10"]
    assert document["totals"]["directives"]["block"] == "suppressed"


def test_parts_of_what_is_suppressed_are_not_told_either() -> None:
    row = figures(complied=30, refused=20, undecided=3, released=300)
    row.refused.update(news_media=20)
    row.targeted.update(news_media=20)
    row.withheld.update(account=30)

    document = report(india=row)

    (found,) = document["rows"]
    assert found["decisions"]["refused"] == "suppressed"
    assert (found["refused_by_ground"], found["news_outlets_targeted"]) == ({"news_media": "suppressed"}, "suppressed")
    assert found["withheld"]["account"] == 30


def test_times_of_a_few_cases_are_not_told_to_the_public() -> None:
    few, many = figures(), figures()
    few.effect_after.extend([1.0] * 9)
    many.effect_after.extend([1.0] * 9 + [60.0])

    document = report(india=few, germany=many)

    assert [row["seconds_to_effect"] for row in document["rows"]] == [
        {"median": None, "p95": None},
        {"median": 1.0, "p95": 60.0},
    ]


def test_the_ten_elements_of_rdr_are_named_each_with_where_it_is_answered_or_why_not() -> None:
    elements = report()["rdr_f6"]

    assert [each["element"] for each in elements] == list(range(1, 11))
    assert all(bool(each["where"]) == each["answered"] == (each["why_not"] is None) for each in elements)
    assert [each["element"] for each in elements if not each["answered"]] == [4, 8]


def rows_of(document: Document) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_of(document["rows"]))))


def test_the_table_has_a_line_for_each_row_and_a_column_for_each_figure() -> None:
    first, second = rows_of(report(Audience.INTERNAL, india=figures(complied=40), germany=figures(refused=3)))

    assert (first["jurisdiction"], first["authority"], first["directives_block"], first["decisions_complied"]) == (
        "IN",
        "in-meity",
        "12",
        "40",
    )
    assert (second["decisions_refused"], second["seconds_to_effect_median"]) == ("3", "")


def test_a_table_of_nothing_is_empty() -> None:
    assert csv_of(report()["rows"]) == "\r\n"


@pytest.mark.parametrize("first", list("=+-@\t\r\n\0＝＋－＠"))
def test_no_text_is_taken_for_a_formula(first: str) -> None:
    assert harmless(f"{first}cmd|' /C calc'!A0").startswith("'")


@pytest.mark.parametrize(("value", "told"), [(-1.5, "-1.5"), (None, ""), ("plain = text", "plain = text"), ("", "")])
def test_what_is_harmless_is_told_as_it_is(value: Any, told: str) -> None:
    assert harmless(value) == told


def test_the_page_shows_bars_and_the_same_figures_as_tables() -> None:
    page = transparency_page(report(india=figures(complied=40, refused=3, undecided=20)))

    assert page.count("<svg") == 2
    assert page.count("&lt;10") == 4
    assert "<script" not in page
    assert "Only authority in-meity." in page


def test_the_page_of_an_empty_time_says_so() -> None:
    assert "No order was received in this time." in transparency_page(report())


@pytest.mark.parametrize(
    ("seconds", "told"), [(None, "–"), (0.25, "0.2 s"), (59, "59.0 s"), (90, "1.5 min"), (7200, "2.0 h"), (864_000, "10.0 d")]
)
def test_times_are_told_in_the_unit_that_fits(seconds: float | None, told: str) -> None:
    assert duration(seconds) == told
