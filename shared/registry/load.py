"""The registry from its files. It is whole or it is refused: nobody acts on half a law."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType

from shared.registry.model import Authority, Regime, Registry
from shared.registry.read import Place, Problem, read_value
from shared.registry.versions import read_regime

_AUTHORITIES = "authorities.toml"

Document = Mapping[str, object]


class RegistryError(ValueError):
    """The files of the registry are not right. The message has one line for each problem: file, field and reason."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def load_registry(directory: Path | Traversable | None = None) -> Registry:
    """The registry of a folder: `authorities.toml`, every other `*.toml` one legal basis. None takes the shipped one.

    Raises RegistryError with all problems of all files, and OSError if the folder cannot be read.
    """
    problems: list[Problem] = []
    documents = _parse(files("shared") / "regimes" if directory is None else directory, problems)
    roster = documents.pop(_AUTHORITIES, {})
    regimes = _read_regimes(documents, problems)
    authorities = _read_authorities(roster, problems)
    known = {str(document.get("id")) for document in documents.values()}
    _check_authorities(authorities, known, regimes, problems)
    if problems:
        raise RegistryError(list(dict.fromkeys(problems)))
    return Registry(
        legal_bases=MappingProxyType(regimes),
        authorities=MappingProxyType({each.id: each for each in authorities if each}),
    )


def _parse(directory: Path | Traversable, problems: list[Problem]) -> dict[str, Document]:
    """File name → its top table, in the order of the names. What is no TOML is a problem and stands as an absent file."""
    documents: dict[str, Document] = {}
    entries: Iterable[Path | Traversable] = directory.iterdir()
    for entry in sorted(entries, key=lambda each: each.name):
        if entry.name.endswith(".toml"):
            try:
                documents[entry.name] = tomllib.loads(entry.read_text(encoding="utf-8"))
            except ValueError as error:
                problems.append(Problem(Place(entry.name, "(file)"), f"not TOML: {error}"))
    return documents


def _read_regimes(documents: Mapping[str, Document], problems: list[Problem]) -> dict[str, Regime]:
    regimes: dict[str, Regime] = {}
    first_files: dict[object, str] = {}
    for file, document in documents.items():
        place = Place(file)
        regime = read_regime(document, place, problems)
        if regime is not None:
            regimes.setdefault(regime.id, regime)
        first = first_files.setdefault(str(document.get("id", file)), file)
        if first != file:
            problems.append(Problem(place.of("id"), f"{document['id']!r} is the id of {first} already"))
    return regimes


def _read_authorities(roster: Document, problems: list[Problem]) -> tuple[Authority | None, ...]:
    """The authorities in their order, None for each that has a problem."""
    place = Place(_AUTHORITIES)
    problems.extend(Problem(place.of(name), "unknown field") for name in roster if name != "authorities")
    if "authorities" not in roster:
        problems.append(Problem(place.of("authorities"), "missing"))
    authorities: tuple[Authority | None, ...] = read_value(
        tuple[Authority, ...], roster.get("authorities", []), place.of("authorities"), problems
    )
    return authorities


def _check_authorities(
    authorities: Sequence[Authority | None], known: set[str], regimes: Mapping[str, Regime], problems: list[Problem]
) -> None:
    seen = set[str]()
    for number, authority in enumerate(authorities):
        if authority is None:
            continue
        place = Place(_AUTHORITIES, "authorities").at(number)
        if authority.id in seen:
            problems.append(Problem(place.of("id"), f"a second {authority.id!r}"))
        seen.add(authority.id)
        for index, basis in enumerate(authority.legal_bases):
            reason = _refusal(authority, basis, known, regimes)
            if reason:
                problems.append(Problem(place.of("legal_bases").at(index), reason))


def _refusal(authority: Authority, basis: str, known: set[str], regimes: Mapping[str, Regime]) -> str | None:
    """Why the authority may not name the basis. A basis that is itself refused is named once, by its own problem."""
    if basis not in known:
        return f"unknown legal basis {basis!r}"
    if basis in regimes and not authority.overlaps(regimes[basis].latest):
        return f"{basis!r} is law in {regimes[basis].jurisdiction}, outside {authority.jurisdiction}"
    return None
