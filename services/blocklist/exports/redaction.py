"""Takes from an order's text what would point at a person who had a hand in it.

Promises: e-mail addresses (also those written `name[at]host[dot]in`), telephone numbers, and the officers that the order names as
its own are replaced, wherever they stand. Names are found beside a title, a signature or a designation.
Does not promise: to find a name that nothing marks as one. Who must be sure drops the text (`Redaction.FULL`).
It rather takes too much: a long number that might be dialled goes.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

MASK = "[redacted]"


class Redaction(StrEnum):
    """How much of the text goes out: without people, or nothing at all."""

    PEOPLE = "people"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Redacted:
    """The text as it may go out, and how many passages were replaced."""

    text: str
    passages: int


_DOT = r"(?:\.|\s?[\[({]\s?dot\s?[\])}]\s?)"
_AT = r"(?:@|＠|\s?[\[({]\s?at\s?[\])}]\s?)"
_EMAIL = re.compile(
    rf"[\w+%-]{{1,64}}(?:{_DOT}[\w+%-]{{1,64}}){{0,8}}{_AT}[\w-]{{1,63}}(?:{_DOT}[\w-]{{1,63}}){{1,8}}", re.IGNORECASE
)

_DATE = r"(?!\d{4}-\d\d-\d\d|\d\d?[./-]\d\d?[./-]\d{4})"
_PHONE = re.compile(rf"(?<![\w/.-]){_DATE}(?:\+|00)?\(?\d[\d ().\u00a0-]{{6,24}}\d(?![\w/])")
_PHONE_DIGITS = range(8, 16)
_SURELY_DIALLED = 9
"""A number of this many digits; a shorter one only if it begins as a number to dial does."""

_CAPITALISED = r"[A-ZÀ-ÖØ-Þ][\w'’.-]{0,40}"
_NAME = rf"{_CAPITALISED}(?:[ \t]{{1,3}}{_CAPITALISED}){{0,3}}"
_FULL_NAME = rf"{_CAPITALISED}(?:[ \t]{{1,3}}{_CAPITALISED}){{1,3}}"
_TITLE = (
    r"(?:Shri|Sri|Smt|Sh|Kumari|Km|Mr|Mrs|Ms|Miss|Dr|Prof|Adv|Justice|Hon['’]ble|Herr|Frau|Mme|Sra?|"
    r"Officer|Inspector|Superintendent|Constable)"
)
_POST = (
    r"(?:Group Coordinator|(?:Joint |Deputy |Under |Additional |Addl\.? )?Secretary|(?:Designated|Nodal|Issuing) Officer|"
    r"(?:Deputy |Joint )?Director|Scientist|Commissioner|Inspector|Superintendent|Judge|Prosecutor|Registrar)"
)
_NAMED = (
    re.compile(rf"(?P<before>\b{_TITLE}\.?[ \t]{{1,3}})(?P<name>{_NAME})"),
    re.compile(
        rf"(?P<before>(?:Signed(?:[ \t]by)?|Sd/-|Signature|Yours faithfully)[ \t]{{0,3}}[:,]?\s{{0,4}}\(?)(?P<name>{_NAME})"
    ),
    re.compile(rf"(?P<before>^[ \t]{{0,20}}\()(?P<name>{_FULL_NAME})(?=\)[ \t]{{0,20}}$)", re.MULTILINE),
    re.compile(rf"(?P<before>\b)(?P<name>{_FULL_NAME})(?=,[ \t]{{0,3}}{_POST}\b|[ \t]{{0,3}}\n[ \t]{{0,20}}{_POST}\b)"),
    re.compile(r"(?P<before>(?:श्रीमती|सुश्री|श्री|डॉ)\.?[ \t]{1,3})(?P<name>[\u0900-\u097f]+(?:[ \t]{1,3}[\u0900-\u097f]+)?)"),
)
_SHORTEST_NAME = 3


def redact(text: str, officers: Iterable[str] = (), *, numbers: bool = True) -> Redacted:
    """The text without what points at people. `numbers` False leaves numbers alone: a reference is one."""
    found = 0
    for name in _names(officers):
        text, count = re.subn(rf"(?<!\w){re.escape(name)}(?!\w)", MASK, text, flags=re.IGNORECASE)
        found += count
    text, count = _EMAIL.subn(MASK, text)
    found += count
    if numbers:
        dialled = text.count(MASK)
        text = _PHONE.sub(_mask_phone, text)
        found += text.count(MASK) - dialled
    for pattern in _NAMED:
        text, count = pattern.subn(rf"\g<before>{MASK}", text)
        found += count
    return Redacted(text, found)


def _names(officers: Iterable[str]) -> list[str]:
    """What is written for an officer up to the first comma, bracket or line end: the rest is a post or an address."""
    names = {re.split(r"[,;(<\n]", officer, maxsplit=1)[0].strip() for officer in officers}
    return sorted((name for name in names if len(name) >= _SHORTEST_NAME), key=len, reverse=True)


def _mask_phone(found: re.Match[str]) -> str:
    number = found[0]
    digits = sum(char.isdigit() for char in number)
    dialled = digits >= _SURELY_DIALLED or number[0] in "+0("
    return MASK if digits in _PHONE_DIGITS and dialled else number
