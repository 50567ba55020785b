"""Versions of one legal basis: how a file says them, which of them judges a day, and what is refused."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.registry import Regime, load_registry
from tests.unit.registry.test_loading import AUTHORITIES, BASIS, DUTY, lines_of, write_registry

COMMON = BASIS.replace("in_force_from = 2020-01-01\n", "")
FIRST = "\n[[versions]]\nin_force_from = 2020-01-01\nin_force_to = 2020-12-31\n"
SECOND = '\n[[versions]]\nin_force_from = 2021-03-01\ntitle = "A direction, as amended"\n'
OWN_DUTY = DUTY.replace("[[duties]]", "[[versions.duties]]")


def load(directory: Path, basis: str) -> Regime:
    return load_registry(write_registry(directory, basis=basis)).legal_bases["xa-act"]


def line_of(directory: Path, basis: str) -> str:
    (line,) = lines_of(write_registry(directory, basis=basis))
    return line


def test_a_file_without_versions_is_its_own_single_version(tmp_path: Path) -> None:
    regime = load(tmp_path, BASIS)

    assert [version.in_force_from for version in regime.versions] == [date(2020, 1, 1)]
    assert (regime.id, regime.jurisdiction, regime.latest) == ("xa-act", "IN", regime.versions[0])


def test_a_version_has_what_is_common_and_what_is_its_own(tmp_path: Path) -> None:
    regime = load(tmp_path, COMMON + DUTY + FIRST + OWN_DUTY.replace("3h", "36h") + SECOND)

    first, second = regime.versions
    assert (first.title, second.title) == ("A direction", "A direction, as amended")
    assert (first.duties[0].duration, second.duties[0].duration) == (timedelta(hours=36), timedelta(hours=3))
    assert {first.instrument, second.instrument} == {"An Act"}


def test_versions_stand_in_the_order_of_their_dates_however_they_are_written(tmp_path: Path) -> None:
    regime = load(tmp_path, COMMON + SECOND + FIRST)

    assert [version.in_force_from.year for version in regime.versions] == [2020, 2021]
    assert regime.latest.title == "A direction, as amended"
    assert regime.validity == "from 2020-01-01 to 2020-12-31, from 2021-03-01"


@pytest.mark.parametrize(
    ("day", "title"),
    [
        (date(2019, 12, 31), None),
        (date(2020, 1, 1), "A direction"),
        (date(2020, 12, 31), "A direction"),
        (date(2021, 1, 1), None),
        (date(2021, 2, 28), None),
        (date(2021, 3, 1), "A direction, as amended"),
        (date(2100, 1, 1), "A direction, as amended"),
    ],
)
def test_a_day_is_judged_by_the_version_in_force_or_by_none_in_a_gap(tmp_path: Path, day: date, title: str | None) -> None:
    found = load(tmp_path, COMMON + FIRST + SECOND).on(day)

    assert (found.title if found else None) == title


@pytest.mark.parametrize(
    ("issued_at", "found"),
    [
        ("2021-02-28T23:59:59.999999+00:00", False),
        ("2021-03-01T00:00:00+00:00", True),
        ("2021-03-01T05:29:59+05:30", False),
        ("2021-03-01T05:30:00+05:30", True),
    ],
)
def test_the_day_of_an_order_is_its_day_in_utc(tmp_path: Path, issued_at: str, found: bool) -> None:
    registry = load_registry(write_registry(tmp_path, basis=COMMON + FIRST + SECOND))

    assert (registry.basis("xa-act", datetime.fromisoformat(issued_at)) is not None) is found


def test_a_legal_basis_that_nobody_knows_judges_nothing(tmp_path: Path) -> None:
    assert load_registry(write_registry(tmp_path)).basis("xb-act", datetime(2021, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("basis", "place", "reason"),
    [
        pytest.param(
            COMMON + FIRST + SECOND.replace("2021-03-01", "2020-12-31"),
            "versions[1].in_force_from",
            "overlapping validity dates: versions[0] is in force from 2020-01-01 to 2020-12-31",
            id="a day in two versions",
        ),
        pytest.param(
            COMMON + SECOND + FIRST.replace("2020", "2022"),
            "versions[1].in_force_from",
            "overlapping validity dates: versions[0] is in force from 2021-03-01 to further notice",
            id="a version after one without an end",
        ),
        pytest.param(
            COMMON + SECOND.replace("2021-03-01", "2020-06-01") + FIRST,
            "versions[0].in_force_from",
            "overlapping validity dates: versions[1] is in force",
            id="the later one is named, wherever it stands",
        ),
        pytest.param(COMMON + FIRST + "colour = 1\n", "versions[0].colour", "unknown field", id="unknown field of a version"),
        pytest.param("colour = 1\n" + COMMON + FIRST + SECOND, "colour", "unknown field", id="unknown field, told once"),
        pytest.param(COMMON.replace('"decide"', '"later"') + FIRST + SECOND, "intake", "'later'", id="common fault, told once"),
        pytest.param(
            COMMON + DUTY.replace('"3h"', '"3"') + FIRST + SECOND, "duties[0].duration", "'3'", id="inside a common list"
        ),
        pytest.param(
            COMMON + FIRST + OWN_DUTY + OWN_DUTY, "versions[0].duties[1]", "a second restrict duty", id="inside a list of its own"
        ),
        pytest.param(
            COMMON + FIRST + OWN_DUTY.replace('trigger = "receipt"\n', ""),
            "versions[0].duties[0].trigger",
            "a clock without a trigger",
            id="clock without trigger",
        ),
        pytest.param(COMMON + "\n[[versions]]\n", "versions[0].in_force_from", "missing", id="version without dates"),
        pytest.param(
            COMMON + FIRST + 'id = "xb"\n', "versions[0].id", "belongs to the file, not to a version", id="id of a version"
        ),
        pytest.param(
            COMMON + FIRST + 'jurisdiction = "PK"\n', "versions[0].jurisdiction", "belongs to the file", id="law elsewhere"
        ),
        pytest.param(
            "in_force_to = 2030-01-01\n" + COMMON + SECOND, "in_force_to", "belongs to each of the versions", id="common date"
        ),
        pytest.param("versions = []\n" + COMMON, "versions", "at least one", id="no version"),
        pytest.param("versions = 1\n" + COMMON, "versions", "expected a list", id="versions that are no list"),
        pytest.param("versions = [1]\n" + COMMON, "versions[0]", "expected a table", id="version that is no table"),
        pytest.param(COMMON + FIRST + "versions = []\n", "versions[0].versions", "unknown field", id="versions of a version"),
        pytest.param(
            COMMON + FIRST.replace("to = 2020", "to = 2019"), "versions[0].in_force_to", "is before", id="ends before it begins"
        ),
    ],
)
def test_wrong_versions_are_refused_by_field_and_reason(tmp_path: Path, basis: str, place: str, reason: str) -> None:
    line = line_of(tmp_path, basis)

    assert line.startswith(f"basis.toml: {place}: ")
    assert reason in line


def test_an_authority_is_checked_against_a_regime_with_versions(tmp_path: Path) -> None:
    foreign = AUTHORITIES.replace('"IN"', '"EU"')

    (line,) = lines_of(write_registry(tmp_path, basis=COMMON + FIRST + SECOND, authorities=foreign))

    assert line == "authorities.toml: authorities[0].legal_bases[0]: 'xa-act' is law in IN, outside EU"


_DAYS = st.dates(date(2000, 1, 1), date(2002, 12, 31))


@given(spans=st.lists(st.tuples(_DAYS, st.integers(0, 400) | st.none()), min_size=1, max_size=5), day=_DAYS)
def test_at_most_one_version_judges_a_day_and_what_overlaps_is_refused(
    tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[date, int | None]], day: date
) -> None:
    ends = [(first, None if length is None else first + timedelta(length)) for first, length in spans]
    tables = [f"\n[[versions]]\nin_force_from = {a}\n" + (f"in_force_to = {b}\n" if b else "") for a, b in ends]
    directory = write_registry(tmp_path_factory.mktemp("regime"), basis=COMMON + "".join(tables))
    clashes = [
        one for index, one in enumerate(ends) for other in ends[:index] if touches(one, other)
    ]  # fmt: skip

    if clashes:
        assert all("overlapping validity dates" in line for line in lines_of(directory))
        return
    regime = load_registry(directory).legal_bases["xa-act"]
    covering = [span for span in ends if span[0] <= day <= (span[1] or date.max)]
    found = regime.on(day)
    assert [(each.in_force_from, each.in_force_to) for each in [found] if each] == covering


def touches(one: tuple[date, date | None], other: tuple[date, date | None]) -> bool:
    """Whether some day lies in both."""
    return one[0] <= (other[1] or date.max) and other[0] <= (one[1] or date.max)
