from functools import cache

from services.notifier.handlers.duties import exposure
from shared.registry import Registry, load_registry
from tests.unit.notifier.builders import AT


@cache
def registry() -> Registry:
    return load_registry()


def test_what_was_issued_before_its_legal_basis_was_in_force_threatens_nothing() -> None:
    assert exposure("eu-tco", AT, 3, registry()).maximum is None


def test_a_legal_basis_that_nobody_knows_threatens_nothing() -> None:
    unknown = exposure("zz-unheard-of", AT, 3, registry())
    assert (unknown.unmet_items, unknown.maximum, unknown.verified) == (3, None, False)


def test_exposure_is_what_the_provision_says() -> None:
    threatened = exposure("in-it-act-69a", AT, 258, registry())

    assert threatened.maximum == "imprisonment up to 7 years and fine, amount not stated in the section"
    assert (threatened.provision, threatened.imprisonment_years_max, threatened.unmet_items) == ("s.69A(3)", 7, 258)
