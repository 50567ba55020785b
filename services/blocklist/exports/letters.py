"""What a user is told when something of theirs begins or ceases to be withheld, in their language.

Promises: it says where the withholding applies, and that it applies only there; it names the authority and the law exactly if the
directive is not confidential; it says how to appeal. It claims that something can be seen again only if nothing else holds it.
The words are data: `services/blocklist/templates/<language>/*.toml`.
"""

import gettext
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

import msgspec
import pycountry

from services.blocklist.domain.causes import Cause
from services.blocklist.domain.user_notice import Change
from shared.ids import WORLDWIDE, Jurisdiction, Target, TargetType, type_of

_TEMPLATES = "templates"
_LOCAL_LAW = "local_law"


class Language(StrEnum):
    ENGLISH = "en"
    HINDI = "hi"


@dataclass(frozen=True, slots=True)
class Names:
    """Whom and what the letter may name."""

    authority: str
    law: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What there is to tell. `names` is None of a confidential directive, `redress` what the order says of it itself."""

    change: Change
    target: Target
    places: Sequence[Jurisdiction]
    cause: Cause | None
    label: str
    names: Names | None
    redress: str | None
    still_withheld: bool
    platform: str
    contact: str | None


@dataclass(frozen=True, slots=True)
class Written:
    subject: str
    text: str


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"and_": "and"}):
    comma: str
    and_: str
    answer: str
    things: dict[TargetType, str]
    things_oblique: dict[TargetType, str]
    causes: dict[Cause, str]


class _Withheld(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    subject: str
    subject_worldwide: str
    reach: str
    reach_worldwide: str
    named: str
    unnamed: str
    unnamed_local_law: str
    appeal: str
    court: str
    order_redress: str


class _Released(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    subject: str
    subject_worldwide: str
    reach: str
    reach_worldwide: str
    visible: str
    still: str


@dataclass(frozen=True, slots=True)
class Templates:
    """One language: its words, its two letters, and its names of places."""

    words: _Words
    withheld: _Withheld
    released: _Released
    name_of: Callable[[Jurisdiction], str]


Letters = Mapping[Language, Templates]


def load_letters() -> Letters:
    """Every language, whole. Raises an error that names what a template lacks."""
    return {language: _load(language) for language in Language}


def write(letter: Letter, templates: Templates) -> Written:
    """The letter in the language of the templates."""
    values = _values(letter, templates)
    worldwide = WORLDWIDE in letter.places
    if letter.change is Change.WITHHELD:
        words = templates.withheld
        paragraphs = [words.reach_worldwide if worldwide else words.reach, *_why(letter, words), *_redress(letter, words)]
    else:
        ended = templates.released
        cause = [templates.words.causes[letter.cause]] if letter.cause else []
        paragraphs = [
            ended.reach_worldwide if worldwide else ended.reach,
            *cause,
            ended.still if letter.still_withheld else ended.visible,
        ]
    form = templates.withheld if letter.change is Change.WITHHELD else templates.released
    subject = form.subject_worldwide if worldwide else form.subject
    return Written(subject.format_map(values), "\n\n".join(paragraph.format_map(values) for paragraph in paragraphs))


def _why(letter: Letter, words: _Withheld) -> list[str]:
    if letter.names:
        return [words.named]
    return [words.unnamed_local_law if letter.label == _LOCAL_LAW else words.unnamed]


def _redress(letter: Letter, words: _Withheld) -> list[str]:
    return [words.appeal, words.court, *([words.order_redress] if letter.redress else [])]


def _values(letter: Letter, templates: Templates) -> Mapping[str, str]:
    words, kind, id_ = templates.words, type_of(letter.target), letter.target.partition(":")[2]
    return {
        "platform": letter.platform,
        "places": _listed([templates.name_of(place) for place in letter.places], words),
        "thing": words.things[kind].format(id=id_),
        "thing_oblique": words.things_oblique[kind].format(id=id_),
        "authority": letter.names.authority if letter.names else "",
        "law": letter.names.law if letter.names else "",
        "contact": letter.contact or words.answer,
        "redress": letter.redress or "",
    }


def _listed(names: Sequence[str], words: _Words) -> str:
    """ "India", "India and Pakistan", "India, Nepal and Pakistan"."""
    *most, last = names
    return words.and_.join([words.comma.join(most), last]) if most else last


def _load(language: Language) -> Templates:
    folder = files("services.blocklist") / _TEMPLATES / language.value
    words, withheld, released = (
        tomllib.loads((folder / f"{name}.toml").read_text("utf-8")) for name in ("words", "withheld", "released")
    )
    return Templates(
        msgspec.convert(words, _Words),
        msgspec.convert(withheld, _Withheld),
        msgspec.convert(released, _Released),
        _namer(language),
    )


def _namer(language: Language) -> Callable[[Jurisdiction], str]:
    translate = [
        gettext.translation(f"iso3166-{part}", pycountry.LOCALES_DIR, languages=[language.value], fallback=True).gettext
        for part in (1, 2)
    ]

    def name_of(place: Jurisdiction) -> str:
        """The place by name, a part of a country with its country; a code that the standard dropped stands for itself."""
        country = pycountry.countries.get(alpha_2=place.partition("-")[0])
        if country is None:
            return place
        name = translate[0](getattr(country, "common_name", country.name))
        division = _divisions().get(place)
        return f"{translate[1](division)} ({name})" if division else name

    return name_of


@cache
def _divisions() -> Mapping[str, str]:
    return {division.code: division.name for division in pycountry.subdivisions}
