"""What users are told, in every language: all that must be said is there, and nothing that must not be."""

import string
from dataclasses import replace
from typing import Any

import pytest

from services.blocklist.domain.causes import Cause
from services.blocklist.domain.user_notice import Change
from services.blocklist.exports.letters import Language, Letter, Names, load_letters, write
from shared.ids import WORLDWIDE, Jurisdiction, Target, TargetType

LETTERS = load_letters()
NAMES = Names("The Authority", "An Act, s.1")
LETTER = Letter(
    change=Change.WITHHELD,
    target=Target("account:acct_1"),
    places=(Jurisdiction("IN"),),
    cause=None,
    label="legal_demand",
    names=NAMES,
    redress=None,
    still_withheld=True,
    platform="Example",
    contact=None,
)
INDIA = {Language.ENGLISH: "India", Language.HINDI: "भारत"}


def text_of(language: Language, **changes: Any) -> str:
    written = write(replace(LETTER, **changes), LETTERS[language])
    return f"{written.subject}\n\n{written.text}"


@pytest.mark.parametrize("language", Language)
def test_every_language_has_a_word_for_each_thing_and_cause(language: Language) -> None:
    words = LETTERS[language].words

    assert (set(words.things), set(words.things_oblique), set(words.causes)) == (set(TargetType), set(TargetType), set(Cause))


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("form", ["withheld", "released"])
def test_every_language_fills_the_same_places(form: str, language: Language) -> None:
    def fields(of: Language) -> dict[str, set[str | None]]:
        template = getattr(LETTERS[of], form)
        return {
            name: {part[1] for part in string.Formatter().parse(getattr(template, name))} - {None}
            for name in template.__struct_fields__
        }

    assert fields(language) == fields(Language.ENGLISH)


@pytest.mark.parametrize("kind", TargetType)
@pytest.mark.parametrize("language", Language)
def test_the_letter_says_what_is_withheld_and_where(language: Language, kind: TargetType) -> None:
    found = text_of(language, target=Target(f"{kind}:1234"))

    assert ("1234" in found, INDIA[language] in found, "{" in found) == (True, True, False)


@pytest.mark.parametrize(("language", "only"), [(Language.ENGLISH, "in India, and only there"), (Language.HINDI, "केवल भारत में")])
def test_the_letter_says_that_it_is_only_there(language: Language, only: str) -> None:
    assert only in text_of(language)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("change", Change)
def test_a_worldwide_withholding_is_not_told_as_one_of_a_country(change: Change, language: Language) -> None:
    found = text_of(language, change=change, places=(WORLDWIDE,))

    assert ("XX" in found, {Language.ENGLISH: "worldwide", Language.HINDI: "पूरी दुनिया"}[language] in found) == (False, True)


@pytest.mark.parametrize("language", Language)
def test_who_ordered_it_and_the_law_are_named_exactly_if_they_may_be(language: Language) -> None:
    named, unnamed = text_of(language), text_of(language, names=None)

    assert all(name in named for name in (NAMES.authority, NAMES.law))
    assert not any(name in unnamed for name in (NAMES.authority, NAMES.law))


@pytest.mark.parametrize("language", Language)
def test_local_law_and_a_legal_demand_are_told_apart(language: Language) -> None:
    assert text_of(language, names=None) != text_of(language, names=None, label="local_law")


@pytest.mark.parametrize("language", Language)
def test_redress_is_told_with_where_to_turn_and_in_the_order_s_own_words(language: Language) -> None:
    found = text_of(language, contact="appeals@example.org", redress="Court of {place} within 14 days")

    assert ("appeals@example.org" in found, "Court of {place} within 14 days" in found) == (True, True)


@pytest.mark.parametrize("language", Language)
def test_a_release_says_that_it_can_be_seen_only_if_nothing_else_holds_it(language: Language) -> None:
    form = LETTERS[language].released

    freed = text_of(language, change=Change.RELEASED, still_withheld=False)
    held = text_of(language, change=Change.RELEASED, still_withheld=True)

    assert (form.visible in freed, form.still in freed) == (True, False)
    assert (form.visible in held, form.still in held) == (False, True)


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("language", Language)
def test_a_release_says_why_if_one_cause_did_it(language: Language, cause: Cause) -> None:
    words = LETTERS[language].words.causes

    found = text_of(language, change=Change.RELEASED, cause=cause)
    without = text_of(language, change=Change.RELEASED, cause=None)

    assert (words[cause] in found, words[cause] in without) == (True, False)


@pytest.mark.parametrize(
    ("language", "places", "listed"),
    [
        (Language.ENGLISH, "IN-PB KR", "Punjab (India) and South Korea"),
        (Language.ENGLISH, "DE FR IN", "Germany, France and India"),
        (Language.HINDI, "IN-PB KR", "पंजाब (भारत) और दक्षिण कोरिया"),
        (Language.HINDI, "DE FR IN", "जर्मनी, फ्रांस और भारत"),
        (Language.HINDI, "IN-ZZ ZZ", "भारत और ZZ"),
    ],
)
def test_places_are_named_in_the_language(language: Language, places: str, listed: str) -> None:
    assert listed in text_of(language, places=tuple(map(Jurisdiction, places.split())))
