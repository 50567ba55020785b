import subprocess
import sys

import pycountry
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import WORLDWIDE, Jurisdiction
from shared.jurisdictions import (
    GROUPS,
    JurisdictionError,
    ancestors,
    covers,
    expand,
    lookup_keys,
    overlaps,
    parent,
    parse_jurisdiction,
)

CODES = ["XX", *(c.alpha_2 for c in pycountry.countries), *(s.code for s in pycountry.subdivisions)]
JURISDICTIONS = st.sampled_from([Jurisdiction(code) for code in CODES])


def j(code: str) -> Jurisdiction:
    return parse_jurisdiction(code)


def test_every_code_of_the_standard_and_worldwide_is_a_jurisdiction() -> None:
    assert [parse_jurisdiction(code) for code in CODES] == CODES


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("in", "did you mean IN?"),
        (" IN", "did you mean IN?"),
        ("in-pb", "did you mean IN-PB?"),
        ("xx", "did you mean XX?"),
        ("eu", "did you mean EU?"),
        ("UK", "did you mean GB?"),
        ("uk", "did you mean GB?"),
        ("EL", "did you mean GR?"),
        ("IND", "did you mean IN?"),
        ("EU", "EU is a group"),
        ("EEA", "EEA is a group"),
        ("ZZ", "'ZZ' is no jurisdiction"),
        ("IN-ZZ", "'IN-ZZ' is no jurisdiction"),
        ("", "'' is no jurisdiction"),
        ("India", "'India' is no jurisdiction"),
        ("ＩＮ", "a jurisdiction is an ISO 3166 code"),
        ("ın", "a jurisdiction is an ISO 3166 code"),
        ("IN\n", "a jurisdiction is an ISO 3166 code"),
        ("I" * 1000, "a jurisdiction is an ISO 3166 code"),
        ("\ud800", "a jurisdiction is an ISO 3166 code"),
    ],
)
def test_a_wrong_code_is_refused_with_the_likely_meaning(code: str, hint: str) -> None:
    with pytest.raises(JurisdictionError) as refused:
        parse_jurisdiction(code)

    assert hint in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(("group", "size"), [("EU", 27), ("EEA", 30)])
def test_a_group_stands_for_its_members_in_alphabetical_order(group: str, size: int) -> None:
    members = expand([group])

    assert len(members) == size
    assert list(members) == sorted({parse_jurisdiction(code) for code in GROUPS[group]})


def test_the_economic_area_is_the_union_and_three_more() -> None:
    assert set(GROUPS["EEA"]) - set(GROUPS["EU"]) == {"IS", "LI", "NO"}
    assert set(GROUPS["EU"]) < set(GROUPS["EEA"])


@pytest.mark.parametrize(
    ("codes", "expanded"),
    [
        ([], ()),
        (["IN", "BR", "IN"], ("IN", "BR")),
        (["IN", "IN-PB", "XX"], ("IN", "IN-PB", "XX")),
        (["SE", "IN", "EU"], ("SE", "IN", *(code for code in GROUPS["EU"] if code != "SE"))),
    ],
)
def test_each_jurisdiction_is_kept_once_where_it_first_appears(codes: list[str], expanded: tuple[str, ...]) -> None:
    assert expand(codes) == expanded


@pytest.mark.parametrize(("codes", "index"), [(["in"], 0), (["IN", "EU", "UK"], 2), (["IN", "", "UK"], 1)])
def test_the_error_points_at_the_first_wrong_code(codes: list[str], index: int) -> None:
    with pytest.raises(JurisdictionError) as refused:
        expand(codes)

    assert refused.value.index == index


@pytest.mark.parametrize(
    ("code", "above"),
    [
        ("XX", ()),
        ("IN", ("XX",)),
        ("IN-PB", ("IN", "XX")),
        ("ES-B", ("ES-CT", "ES", "XX")),
        ("FR-67", ("FR-6AE", "FR-GES", "FR", "XX")),
    ],
)
def test_a_jurisdiction_lies_in_all_that_is_around_it_nearest_first(code: str, above: tuple[str, ...]) -> None:
    assert ancestors(j(code)) == above
    assert lookup_keys(j(code)) == (code, *above)
    assert parent(j(code)) == (above[0] if above else None)


def test_a_subdivision_that_the_standard_dropped_lies_in_its_country() -> None:
    assert ancestors(Jurisdiction("IN-ZZ")) == ("IN", "XX")


@pytest.mark.parametrize(
    ("wide", "narrow", "covered", "overlapping"),
    [
        ("IN", "IN", True, True),
        ("IN", "IN-PB", True, True),
        ("XX", "IN-PB", True, True),
        ("ES-CT", "ES-B", True, True),
        ("IN-PB", "IN", False, True),
        ("IN", "XX", False, True),
        ("IN-PB", "IN-DL", False, False),
        ("IN", "BR", False, False),
        ("IN-PB", "PK-PB", False, False),
    ],
)
def test_only_what_lies_inside_is_covered(wide: str, narrow: str, *, covered: bool, overlapping: bool) -> None:
    assert covers(j(wide), j(narrow)) is covered
    assert overlaps(j(wide), j(narrow)) is overlapping
    assert overlaps(j(narrow), j(wide)) is overlapping


@given(JURISDICTIONS)
def test_every_jurisdiction_lies_in_the_world_by_way_of_its_own_country(jurisdiction: Jurisdiction) -> None:
    keys = lookup_keys(jurisdiction)

    assert keys[-1] == WORLDWIDE
    assert {key[:2] for key in keys} <= {jurisdiction[:2], WORLDWIDE}
    assert len(set(keys)) == len(keys)


@given(JURISDICTIONS, JURISDICTIONS)
def test_two_jurisdictions_cover_each_other_only_if_they_are_one(one: Jurisdiction, other: Jurisdiction) -> None:
    assert (covers(one, other) and covers(other, one)) is (one == other)


@given(st.text(max_size=10))
def test_any_text_is_a_jurisdiction_or_refused_as_such(text: str) -> None:
    try:
        jurisdiction = parse_jurisdiction(text)
    except JurisdictionError:
        return
    assert jurisdiction in CODES


def test_importing_the_module_loads_no_tables() -> None:
    script = "import pycountry, shared.jurisdictions; print(pycountry.countries._is_loaded, pycountry.subdivisions._is_loaded)"

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert loaded.stdout.split() == ["False", "False"]
