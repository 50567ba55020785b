"""What the registry says for forms that others keep: the kind of each authority, and the category of what a law forbids."""

from pathlib import Path

import pytest

from shared.registry import AuthorityType, RegistryError, load_registry
from shared.registry.model import NOT_SPECIFIED
from tests.unit.registry.test_loading import BASIS, write_registry

AUTHORITY = """\
[[authorities]]
id = "xa"
name = "An authority"
jurisdiction = "IN"
legal_bases = ["xa-act"]
worldwide = false
"""


def test_the_shipped_authorities_are_of_their_kind() -> None:
    authorities = load_registry().authorities

    kinds = {id_: authorities[id_].type for id_ in ("in-meity", "eu-tco-authority", "de-bka", "br-tse")}
    assert kinds == {
        "in-meity": AuthorityType.GOVERNMENT,
        "eu-tco-authority": AuthorityType.GOVERNMENT,
        "de-bka": AuthorityType.LAW_ENFORCEMENT,
        "br-tse": AuthorityType.COURT,
    }


def test_an_authority_is_of_the_government_and_a_category_not_specified_unless_the_files_say_so(tmp_path: Path) -> None:
    registry = load_registry(write_registry(tmp_path, basis=BASIS, authorities=AUTHORITY))

    assert registry.authorities["xa"].type is AuthorityType.GOVERNMENT
    assert registry.legal_bases["xa-act"].latest.statement_category == NOT_SPECIFIED


@pytest.mark.parametrize(
    ("basis", "authorities", "field"),
    [
        pytest.param(f'{BASIS}statement_category = "violence"\n', AUTHORITY, "statement_category", id="category"),
        pytest.param(BASIS, f'{AUTHORITY}type = "parliament"\n', "authorities[0].type", id="type"),
    ],
)
def test_a_kind_or_category_that_no_form_knows_is_refused(tmp_path: Path, basis: str, authorities: str, field: str) -> None:
    with pytest.raises(RegistryError) as refused:
        load_registry(write_registry(tmp_path, basis=basis, authorities=authorities))

    assert [str(problem.place.field) for problem in refused.value.problems] == [field]
