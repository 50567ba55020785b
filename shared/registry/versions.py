"""One file becomes one regime: what its versions share stands at the top, what each changes in its own `[[versions]]` table.

A version's field takes the place of the common one as a whole: a version that changes one duty writes all its duties.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from shared.registry.model import LegalBasis, Regime
from shared.registry.read import Place, Problem, read_fields

_VERSIONS = "versions"
_OF_THE_FILE = ("id", "jurisdiction")
_OF_EACH_VERSION = ("in_force_from", "in_force_to")
_ROOT = re.compile(r"[.\[]")

_Version = tuple[Place, LegalBasis]


def read_regime(document: Mapping[str, object], place: Place, problems: list[Problem]) -> Regime | None:
    """The regime, or None after it added at least one problem. A file without `[[versions]]` is its own single version."""
    before = len(problems)
    versions = sorted(_versions(document, place, problems), key=lambda each: each[1].in_force_from)
    _check_dates(versions, problems)
    if len(problems) > before:
        return None
    return Regime(id=versions[0][1].id, versions=tuple(basis for _, basis in versions))


def _versions(document: Mapping[str, object], place: Place, problems: list[Problem]) -> list[_Version]:
    """Each version that is right in itself, with its place."""
    if _VERSIONS not in document:
        basis = read_fields(LegalBasis, document, place.of, problems)
        return [] if basis is None else [(place, basis)]
    raw = document[_VERSIONS]
    if not (isinstance(raw, list) and raw):
        problems.append(Problem(place.of(_VERSIONS), "expected a list of tables, at least one"))
        return []
    common = {name: value for name, value in document.items() if name != _VERSIONS}
    problems.extend(
        Problem(place.of(name), "belongs to each of the versions, not to the file") for name in _OF_EACH_VERSION if name in common
    )
    read = [_version(common, each, place, place.of(_VERSIONS).at(index), problems) for index, each in enumerate(raw)]
    return [each for each in read if each is not None]


def _version(common: Mapping[str, object], own: object, file: Place, place: Place, problems: list[Problem]) -> _Version | None:
    if not isinstance(own, dict):
        problems.append(Problem(place, "expected a table"))
        return None
    fixed = [name for name in _OF_THE_FILE if name in own]
    problems.extend(Problem(place.of(name), "belongs to the file, not to a version") for name in fixed)
    basis = read_fields(LegalBasis, {**common, **own}, _whose(common, own, file, place), problems)
    return None if basis is None else (place, basis)


def _whose(common: Mapping[str, object], own: Mapping[str, object], file: Place, place: Place) -> Callable[[str], Place]:
    """Where a field of a version stands: at the top of the file, if it is common to all of them."""

    def where(field: str) -> Place:
        root = _ROOT.split(field, maxsplit=1)[0]
        return (file if root in common and root not in own else place).of(field)

    return where


def _check_dates(versions: Sequence[_Version], problems: list[Problem]) -> None:
    """Versions in the order of their first days: none may begin while one before it is in force."""
    for index, (place, basis) in enumerate(versions):
        during = [each for each in versions[:index] if each[1].in_force_on(basis.in_force_from)]
        for other, its in during[:1]:
            end = its.in_force_to or "further notice"
            reason = f"overlapping validity dates: {other.field} is in force from {its.in_force_from} to {end}"
            problems.append(Problem(place.of("in_force_from"), reason))
