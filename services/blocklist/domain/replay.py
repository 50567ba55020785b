"""What may be chosen to be published again, and which keys and directives that are. Pure: pages are read by others."""

from dataclasses import dataclass
from typing import assert_never

from shared.ids import DirectiveId, Jurisdiction, Key, parse_key


@dataclass(frozen=True, slots=True)
class OneKey:
    key: Key


@dataclass(frozen=True, slots=True)
class OneDirective:
    """Its events, and the keys that its items ever claimed."""

    directive: DirectiveId


@dataclass(frozen=True, slots=True)
class OneJurisdiction:
    """The keys of this place alone: not those of what lies in it, nor events, which belong to directives."""

    jurisdiction: Jurisdiction


@dataclass(frozen=True, slots=True)
class KeysOf:
    """The keys of one partition."""

    partition: int


@dataclass(frozen=True, slots=True)
class DirectivesOf:
    """The directives of one partition."""

    partition: int


@dataclass(frozen=True, slots=True)
class Everything:
    """Every key, and every directive."""


Selector = OneKey | OneDirective | OneJurisdiction | KeysOf | DirectivesOf | Everything


def has_keys(selector: Selector) -> bool:
    """Whether versions of keys are among it."""
    return not isinstance(selector, DirectivesOf)


def has_directives(selector: Selector) -> bool:
    """Whether events of directives are among it."""
    return isinstance(selector, OneDirective | DirectivesOf | Everything)


def as_stored(selector: Selector) -> dict[str, str | int]:
    match selector:
        case OneKey(key=key):
            return {"key": str(key)}
        case OneDirective(directive=directive):
            return {"directive": directive}
        case OneJurisdiction(jurisdiction=jurisdiction):
            return {"jurisdiction": jurisdiction}
        case KeysOf(partition=partition):
            return {"topic": "withholdings", "partition": partition}
        case DirectivesOf(partition=partition):
            return {"topic": "directives", "partition": partition}
        case Everything():
            return {"everything": True}
        case _:
            assert_never(selector)


def from_stored(stored: dict[str, str | int]) -> Selector:
    """What `as_stored` made. Raises KeyError for anything else."""
    match stored:
        case {"key": str(key)}:
            return OneKey(parse_key(key))
        case {"directive": str(directive)}:
            return OneDirective(DirectiveId(directive))
        case {"jurisdiction": str(place)}:
            return OneJurisdiction(Jurisdiction(place))
        case {"topic": "withholdings", "partition": int(partition)}:
            return KeysOf(partition)
        case {"topic": "directives", "partition": int(partition)}:
            return DirectivesOf(partition)
        case {"everything": True}:
            return Everything()
        case _:
            raise KeyError(f"no selector: {stored}")
