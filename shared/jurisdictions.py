"""Where an order reaches: codes, groups of them, and which jurisdiction lies in which.

The tree is ISO 3166-2's own: a subdivision lies in its parent subdivision where it has one (`ES-B` in `ES-CT`), then in
its country, then in the world. Codes are taken exactly as the standard writes them, so that each has one spelling.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache

import pycountry

from shared.ids import WORLDWIDE, Jurisdiction

_EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"

GROUPS: Mapping[str, tuple[str, ...]] = {
    "EU": tuple(_EU.split()),
    "EEA": tuple(sorted(f"{_EU} IS LI NO".split())),
}
"""Members as of 2020-02-01. A directive keeps the members it was received with, so a later change reaches only new ones."""

_CODE = re.compile(r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?")
_LONGEST_HINT = 8
_MISTAKEN = {"UK": "GB", "EL": "GR"}


class JurisdictionError(ValueError):
    """A code that names no jurisdiction; `index` is its place in the list that was given."""

    def __init__(self, message: str, index: int = 0) -> None:
        super().__init__(message)
        self.index = index


def parse_jurisdiction(code: str) -> Jurisdiction:
    """A country, a subdivision, or `XX`; never a group. Raises JurisdictionError, with the likely meaning if there is one."""
    if not _is_jurisdiction(code):
        raise JurisdictionError(_explain(code))
    return Jurisdiction(code)


def expand(codes: Sequence[str]) -> tuple[Jurisdiction, ...]:
    """Each jurisdiction once, where it first appears; a group stands for its members in alphabetical order.

    Nothing gives nothing: an empty list never means everywhere.
    """
    found: dict[Jurisdiction, None] = {}
    for index, code in enumerate(codes):
        try:
            found.update(dict.fromkeys(_members(code)))
        except JurisdictionError as error:
            raise JurisdictionError(str(error), index) from None
    return tuple(found)


def parent(jurisdiction: Jurisdiction) -> Jurisdiction | None:
    """The smallest jurisdiction around this one. A subdivision that the standard dropped since lies in its country."""
    if jurisdiction == WORLDWIDE:
        return None
    country, dash, _ = jurisdiction.partition("-")
    if not dash:
        return WORLDWIDE
    return Jurisdiction(_subdivisions().get(jurisdiction) or country)


@lru_cache(maxsize=8192)
def ancestors(jurisdiction: Jurisdiction) -> tuple[Jurisdiction, ...]:
    """What it lies in, nearest first, without itself: `IN-PB` lies in `IN` and `XX`."""
    above = parent(jurisdiction)
    return () if above is None else (above, *ancestors(above))


def lookup_keys(jurisdiction: Jurisdiction) -> tuple[Jurisdiction, ...]:
    """The jurisdictions whose withholdings count for somebody in this one: itself and all that it lies in."""
    return (jurisdiction, *ancestors(jurisdiction))


def covers(wide: Jurisdiction, narrow: Jurisdiction) -> bool:
    """Whether all of `narrow` lies in `wide`; each covers itself."""
    return wide in lookup_keys(narrow)


def overlaps(one: Jurisdiction, other: Jurisdiction) -> bool:
    """Whether somebody can be in both; two that do not lie in each other share nobody."""
    return covers(one, other) or covers(other, one)


def _members(code: str) -> tuple[Jurisdiction, ...]:
    if members := GROUPS.get(code):
        return tuple(Jurisdiction(member) for member in members)
    return (parse_jurisdiction(code),)


def _is_jurisdiction(code: str) -> bool:
    if _CODE.fullmatch(code) is None:
        return False
    return code == WORLDWIDE or code in _countries() or code in _subdivisions()


def _explain(code: str) -> str:
    # Only a short code is repeated: a message is read by people, and what was sent may be of any size.
    if not code.isascii() or not code.isprintable() or len(code) > _LONGEST_HINT:
        return "a jurisdiction is an ISO 3166 code such as IN or IN-PB, or XX for worldwide"
    if code in GROUPS:
        return f"{code} is a group; name one of its members: {', '.join(GROUPS[code])}"
    if meant := _meant_by(code.strip().upper()):
        return f"{code!r} is no jurisdiction, did you mean {meant}?"
    return f"{code!r} is no jurisdiction: an ISO 3166 code such as IN or IN-PB, or XX for worldwide"


def _meant_by(code: str) -> str | None:
    if code in GROUPS or _is_jurisdiction(code):
        return code
    return _MISTAKEN.get(code) or _alpha_3().get(code)


@cache
def _countries() -> frozenset[str]:
    return frozenset(country.alpha_2 for country in pycountry.countries)


@cache
def _alpha_3() -> Mapping[str, str]:
    return {country.alpha_3: country.alpha_2 for country in pycountry.countries}


@cache
def _subdivisions() -> Mapping[str, str | None]:
    """Each subdivision with its parent subdivision, if it has one."""
    return {division.code: division.parent_code for division in pycountry.subdivisions}
