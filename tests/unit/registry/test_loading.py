"""Which files make a registry, and what is said of those that do not."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from shared.registry import RegistryError, load_registry

BASIS = """\
id = "xa-act"
jurisdiction = "IN"
instrument = "An Act"
section = "s.1"
title = "A direction"
issued_by = "the ministry"
in_force_from = 2020-01-01
label = "legal_demand"
confidential = false
user_notice = "allowed"
intake = "decide"
interim = false
verified = true
source = "An Act, s.1"
"""
INTERIM = BASIS.replace("interim = false", 'interim = true\nconfirm_within = "48h"')
DUTY = """
[[duties]]
duty = "restrict"
trigger = "receipt"
duration = "3h"
verified = true
source = "An Act, s.2"
"""
LAPSE = DUTY.replace("restrict", "lapse").replace('"3h"', '"48h"')
PENALTY = """
[[penalties]]
fine = "fine"
at_risk = ["the provider"]
provision = "s.9"
verified = true
source = "An Act, s.9"
"""
SUM = PENALTY.replace('fine = "fine"', 'fine_max_minor = 100\ncurrency = "INR"')
ELEMENT = """
[[required]]
element = "redress"
if_missing = "clarify"
verified = true
source = "An Act, s.3"
"""
AUTHORITIES = """\
[[authorities]]
id = "xa-ministry"
name = "A Ministry"
jurisdiction = "IN"
legal_bases = ["xa-act"]
worldwide = false
"""


def write_registry(directory: Path, *, basis: str = BASIS, authorities: str = AUTHORITIES, **more: str) -> Path:
    """A registry that is right, but for what the test says."""
    (directory / "basis.toml").write_text(basis, encoding="utf-8")
    (directory / "authorities.toml").write_text(authorities, encoding="utf-8")
    for name, text in more.items():
        (directory / f"{name}.toml").write_text(text, encoding="utf-8")
    return directory


def lines_of(directory: Path) -> list[str]:
    """The message of the refusal, line by line."""
    with pytest.raises(RegistryError) as refused:
        load_registry(directory)
    assert len(refused.value.problems) == len(str(refused.value).splitlines())
    return str(refused.value).splitlines()


def test_a_good_folder_loads_and_other_files_in_it_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("not a regime")

    registry = load_registry(write_registry(tmp_path, basis=INTERIM + 'in_force_to = "2020-12-31"\n' + LAPSE + PENALTY))

    assert registry.legal_bases["xa-act"].latest.in_force_to == date(2020, 12, 31)
    assert registry.authorities["xa-ministry"].name == "A Ministry"


@pytest.mark.parametrize(("text", "length"), [("30m", timedelta(minutes=30)), ("2h", timedelta(hours=2)), ("7d", timedelta(7))])
def test_durations_are_minutes_hours_or_days(tmp_path: Path, text: str, length: timedelta) -> None:
    registry = load_registry(write_registry(tmp_path, basis=BASIS + DUTY.replace("3h", text)))

    assert registry.legal_bases["xa-act"].latest.duties[0].duration == length


@pytest.mark.parametrize(
    ("basis", "field", "reason"),
    [
        pytest.param(BASIS + "colour = 1\n", "colour", "unknown field", id="unknown field"),
        pytest.param(BASIS + DUTY + "colour = 1\n", "duties[0].colour", "unknown field", id="unknown field of a duty"),
        pytest.param(BASIS + PENALTY + "colour = 1\n", "penalties[0].colour", "unknown field", id="unknown field of a penalty"),
        pytest.param(BASIS.replace('title = "A direction"', ""), "title", "missing", id="missing field"),
        pytest.param(BASIS.replace("A direction", ""), "title", "length >= 1", id="empty text"),
        pytest.param(BASIS.replace('"xa-act"', '"XA act"'), "id", "regex", id="id that is no slug"),
        pytest.param(BASIS.replace('"legal_demand"', '"law"'), "label", "Invalid enum value 'law'", id="unknown label"),
        pytest.param(BASIS.replace('"decide"', "1"), "intake", "got `int`", id="intake of the wrong type"),
        pytest.param(BASIS.replace("= false", '= "no"', 1), "confidential", "Expected `bool`", id="flag of the wrong type"),
        pytest.param(BASIS.replace("2020-01-01", '"soon"'), "in_force_from", "Invalid RFC3339", id="no date"),
        pytest.param(BASIS.replace('"IN"', '"QQ"'), "jurisdiction", "'QQ' is no jurisdiction", id="unknown jurisdiction"),
        pytest.param(BASIS.replace('"IN"', "7"), "jurisdiction", "Expected `str`", id="jurisdiction of the wrong type"),
        pytest.param(
            BASIS + "in_force_to = 2019-12-31\n", "in_force_to", "2019-12-31 is before in_force_from", id="ends before it begins"
        ),
        pytest.param("duties = 1\n" + BASIS, "duties", "expected a list", id="duties that are no list"),
        pytest.param("duties = [1]\n" + BASIS, "duties[0]", "expected a table", id="duty that is no table"),
        pytest.param(
            BASIS + DUTY.replace('trigger = "receipt"', ""),
            "duties[0].trigger",
            "a clock without a trigger",
            id="clock without trigger",
        ),
        pytest.param(BASIS + DUTY.replace('"receipt"', '"dawn"'), "duties[0].trigger", "'dawn'", id="unknown trigger"),
        pytest.param(BASIS + DUTY.replace("verified = true", ""), "duties[0].verified", "missing", id="duty not said verified"),
        pytest.param(BASIS + DUTY + "in_order = true\n", "duties[0].duration", "no duration may stand", id="both times"),
        pytest.param(BASIS + DUTY.replace('duration = "3h"', ""), "duties[0].duration", "missing; write", id="neither time"),
        pytest.param(BASIS + DUTY.replace("3h", "0h"), "duties[0].duration", "not a duration: '0h'", id="no time at all"),
        pytest.param(BASIS + DUTY.replace("3h", "3 hours"), "duties[0].duration", "write 30m", id="duration in words"),
        pytest.param(BASIS + DUTY.replace('"3h"', "3"), "duties[0].duration", "Expected `str`", id="duration without unit"),
        pytest.param(BASIS + DUTY + DUTY, "duties[1]", "a second restrict duty from receipt", id="same duty twice"),
        pytest.param(BASIS + PENALTY.replace('fine = "fine"', ""), "penalties[0].fine", "needs imprisonment", id="empty penalty"),
        pytest.param(
            BASIS + PENALTY + "turnover_percent_max = 101\n",
            "penalties[0].turnover_percent_max",
            "<= 100",
            id="more than all turnover",
        ),
        pytest.param(
            BASIS + PENALTY + "fine_max_minor = 1\n", "penalties[0].fine_max_minor", "an amount without a currency", id="sum"
        ),
        pytest.param(
            BASIS + PENALTY + "per_day_minor = 1\n", "penalties[0].per_day_minor", "an amount without a currency", id="per day"
        ),
        pytest.param(
            BASIS + PENALTY + 'currency = "INR"\n', "penalties[0].currency", "a currency without an amount", id="no sum"
        ),
        pytest.param(BASIS + SUM.replace("INR", "XYZ"), "penalties[0].currency", "'XYZ' is no currency", id="bad currency"),
        pytest.param(BASIS + SUM.replace("INR", "inr"), "penalties[0].currency", "'inr' is no currency", id="small currency"),
        pytest.param(BASIS + SUM.replace('"INR"', "356"), "penalties[0].currency", "Expected `str`", id="currency by number"),
        pytest.param(BASIS + SUM.replace("= 100", "= 0"), "penalties[0].fine_max_minor", ">= 1", id="sum of nothing"),
        pytest.param(
            BASIS + SUM.replace("= 100", "= 1.5"), "penalties[0].fine_max_minor", "Expected `int`", id="sum with decimals"
        ),
        pytest.param(
            BASIS + PENALTY.replace('["the provider"]', "[]"), "penalties[0].at_risk", "length >= 1", id="nobody at risk"
        ),
        pytest.param(BASIS + PENALTY.replace('["the provider"]', '"all"'), "penalties[0].at_risk", "`array`", id="roles no list"),
        pytest.param(BASIS + PENALTY + PENALTY, "penalties[1]", "a second penalty of s.9", id="same penalty twice"),
        pytest.param(BASIS + DUTY + 'calendar = "lunar"\n', "duties[0].calendar", "'lunar'", id="unknown calendar"),
        pytest.param(BASIS + DUTY + "pausable = 1\n", "duties[0].pausable", "Expected `bool`", id="pausable no flag"),
        pytest.param(BASIS + ELEMENT + ELEMENT, "required[1]", "a second requirement of redress", id="same element twice"),
        pytest.param(BASIS + ELEMENT.replace("redress", "seal"), "required[0].element", "'seal'", id="unknown element"),
        pytest.param(BASIS + ELEMENT.replace("clarify", "wait"), "required[0].if_missing", "'wait'", id="unknown consequence"),
        pytest.param(BASIS + ELEMENT + "colour = 1\n", "required[0].colour", "unknown field", id="unknown field of an element"),
        pytest.param(BASIS.replace('"allowed"', '"never"'), "user_notice", "'never'", id="unknown user notice"),
        pytest.param(
            BASIS + 'confirm_within = "48h"\n', "confirm_within", "belongs to interim", id="confirmation of what is not interim"
        ),
        pytest.param(BASIS + LAPSE, "duties", "needs one lapse duty", id="lapse of what is not interim"),
        pytest.param(INTERIM, "duties", "needs one lapse duty", id="interim without lapse"),
        pytest.param(INTERIM + LAPSE.replace("48h", "72h"), "duties", "as long as confirm_within", id="lapse of another length"),
    ],
)
def test_a_wrong_legal_basis_is_refused_by_file_field_and_reason(tmp_path: Path, basis: str, field: str, reason: str) -> None:
    (line,) = lines_of(write_registry(tmp_path, basis=basis, authorities="authorities = []"))

    assert line.startswith(f"basis.toml: {field}: ")
    assert reason in line


def test_an_interim_basis_without_a_time_to_confirm_is_refused(tmp_path: Path) -> None:
    lines = lines_of(write_registry(tmp_path, basis=BASIS.replace("interim = false", "interim = true")))

    assert lines[0] == "basis.toml: confirm_within: belongs to interim = true, and only there"


@pytest.mark.parametrize(
    ("authorities", "field", "reason"),
    [
        pytest.param("", "authorities", "missing", id="no authorities"),
        pytest.param("authorities = 1", "authorities", "expected a list", id="no list"),
        pytest.param("colour = 1\n" + AUTHORITIES, "colour", "unknown field", id="unknown field of the file"),
        pytest.param(AUTHORITIES + "colour = 1\n", "authorities[0].colour", "unknown field", id="unknown field"),
        pytest.param(AUTHORITIES.replace("worldwide = false", ""), "authorities[0].worldwide", "missing", id="missing field"),
        pytest.param(AUTHORITIES.replace('"IN"', '"UK"'), "authorities[0].jurisdiction", "'UK'", id="unknown jurisdiction"),
        pytest.param(
            AUTHORITIES.replace('"IN"', '"XX"'), "authorities[0].jurisdiction", "worldwide = true", id="everywhere its own"
        ),
        pytest.param(
            AUTHORITIES.replace('["xa-act"]', '["xa-act", "xb"]'),
            "authorities[0].legal_bases[1]",
            "unknown legal basis 'xb'",
            id="unknown legal basis",
        ),
        pytest.param(AUTHORITIES.replace('["xa-act"]', "[1]"), "authorities[0].legal_bases[0]", "got `int`", id="basis no text"),
        pytest.param(
            AUTHORITIES.replace('["xa-act"]', '["xa-act", "xa-act"]'), "authorities[0].legal_bases", "twice", id="basis twice"
        ),
        pytest.param(
            AUTHORITIES.replace('"IN"', '"EU"'),
            "authorities[0].legal_bases[0]",
            "'xa-act' is law in IN, outside EU",
            id="foreign legal basis",
        ),
        pytest.param(AUTHORITIES + AUTHORITIES, "authorities[1].id", "a second 'xa-ministry'", id="duplicate id"),
    ],
)
def test_a_wrong_authority_is_refused_by_field_and_reason(tmp_path: Path, authorities: str, field: str, reason: str) -> None:
    (line,) = lines_of(write_registry(tmp_path, authorities=authorities))

    assert line.startswith(f"authorities.toml: {field}: ")
    assert reason in line


def test_a_folder_without_authorities_is_refused(tmp_path: Path) -> None:
    assert lines_of(tmp_path) == ["authorities.toml: authorities: missing"]


def test_two_legal_bases_with_one_id_are_refused(tmp_path: Path) -> None:
    lines = lines_of(write_registry(tmp_path, copy=BASIS))

    assert lines == ["copy.toml: id: 'xa-act' is the id of basis.toml already"]


@pytest.mark.parametrize("junk", [b"id = ", b'id = "\xff"'])
def test_a_file_that_is_no_toml_is_refused_by_name(tmp_path: Path, junk: bytes) -> None:
    write_registry(tmp_path)
    (tmp_path / "junk.toml").write_bytes(junk)

    (line,) = lines_of(tmp_path)

    assert line.startswith("junk.toml: (file): not TOML: ")


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    broken = BASIS.replace('"decide"', '"later"').replace("s.1", "", 1) + DUTY.replace('trigger = "receipt"', "")
    authorities = AUTHORITIES.replace('["xa-act"]', '["xb"]') + AUTHORITIES.replace('"A Ministry"', "2")

    lines = lines_of(write_registry(tmp_path, basis=broken, authorities=authorities, junk="="))

    assert [line.rsplit(": ", 1)[0].split(": ")[:2] for line in sorted(lines)] == [
        ["authorities.toml", "authorities[0].legal_bases[0]"],
        ["authorities.toml", "authorities[1].name"],
        ["basis.toml", "duties[0].trigger"],
        ["basis.toml", "intake"],
        ["basis.toml", "section"],
        ["junk.toml", "(file)"],
    ]


def test_an_authority_is_not_blamed_for_a_legal_basis_that_is_itself_refused(tmp_path: Path) -> None:
    lines = lines_of(write_registry(tmp_path, basis=BASIS.replace('"IN"', '"QQ"')))

    assert [line.split(":")[0] for line in lines] == ["basis.toml"]
