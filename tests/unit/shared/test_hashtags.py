import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.targets import TargetError, parse_target

ZWNJ, ZWJ = "\u200c", "\u200d"
INVISIBLE = (
    *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180E, 0x180F, 0x200B, 0x200E, 0x200F, 0x202E, 0x2060),
    *(0x2066, 0x3164, 0xFE00, 0xFE0F, 0xFEFF, 0xFFA0, 0x16FE4, 0x1D173, 0xE0001, 0xE0061, 0xE0100, 0xE01EF),
)


def is_refused(raw: str) -> bool:
    try:
        parse_target(raw)
    except TargetError:
        return True
    return False


@pytest.mark.parametrize(
    ("raw", "tag"),
    [
        ("#Farmers", "farmers"),
        ("＃Ｆａｒｍｅｒｓ＿２０２１", "farmers_2021"),
        ("#2021", "2021"),
        ("#_a_", "_a_"),
        ("#STRASSE", "strasse"),
        ("#Straße", "strasse"),
        ("#cafe\u0301", "caf\u00e9"),
        ("#ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("#किसान", "किसान"),
        ("#ਕਿਸਾਨ", "ਕਿਸਾਨ"),
        ("#ｶﾞ", "ガ"),
        ("#ﬃ", "ffi"),
        ("#スーパー・マリオ", "スーパー・マリオ"),
        ("#a～b", "a～b"),
        ("#か゛゜", "か゛゜"),
        ("#צה״ל", "צה״ל"),
        ("#col·lecció", "col·lecció"),
        ("#" + "a" * 100, "a" * 100),
        ("#" + "é" * 100, "é" * 100),
    ],
)
def test_a_tag_is_folded_in_case_width_and_composition(raw: str, tag: str) -> None:
    assert parse_target(raw) == f"hashtag:{tag}"
    assert parse_target(f"hashtag:{tag}") == f"hashtag:{tag}"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("#", "a letter or a digit"),
        ("＃", "a letter or a digit"),
        ("#___", "a letter or a digit"),
        ("#・", "a letter or a digit"),
        ("##a", "U\\+0023"),
        ("#＃a", "U\\+FF03"),
        ("#two words", "U\\+0020"),
        ("# a", "U\\+0020"),
        ("#a-b", "U\\+002D"),
        ("#a/b", "U\\+002F"),
        ("#a~b", "U\\+007E"),
        ("#a😀", "U\\+1F600"),
        ("#a™", "U\\+2122"),
        ("#m²", "U\\+00B2"),
        ("#\ufdfa", "U\\+0020"),  # one letter that folds to a sentence with spaces
        ("#\u0378", "U\\+0378"),  # unassigned
        ("#\u20e3a", "combining mark"),
        ("#\u0301a", "combining mark"),
        ("#ﾞa", "combining mark"),
        ("#" + "a" * 101, "at most 100"),
        ("#" + "é" * 101, "at most 100"),
        ("#" + "ﬃ" * 40, "after folding"),
    ],
)
def test_what_no_tag_may_hold_is_refused_by_its_code_point(raw: str, reason: str) -> None:
    with pytest.raises(TargetError, match=reason):
        parse_target(raw)


@pytest.mark.parametrize(
    "code",
    INVISIBLE,
)
def test_invisible_characters_are_refused_wherever_they_stand(code: int) -> None:
    for raw in (f"#{chr(code)}ab", f"#a{chr(code)}b", f"#ab{chr(code)}", f"#ك{chr(code)}ب"):
        with pytest.raises(TargetError, match=f"invisible character, U\\+{code:04X}"):
            parse_target(raw)


@pytest.mark.parametrize(
    ("tag", "joins"),
    [
        (f"می{ZWNJ}خواهم", True),
        (f"क्{ZWJ}ष", True),
        (f"क्{ZWNJ}ष", True),
        (f"far{ZWNJ}mers", False),
        (f"far{ZWJ}mers", False),
        (f"{ZWNJ}می", False),
        (f"می{ZWNJ}", False),
        (f"می{ZWJ}خواهم", False),
        (f"\U00017000{ZWJ}", False),  # a script that the Unicode database of Python has no names for
    ],
)
def test_joiners_are_kept_only_where_they_change_the_writing(tag: str, *, joins: bool) -> None:
    assert is_refused(f"#{tag}") is not joins
    assert not is_refused(f"#{tag.replace(ZWNJ, '').replace(ZWJ, '')}")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("i", "ı"),
        ("i", "İ"),
        ("ı", "İ"),
        ("farmers", "fаrmers"),  # with a Cyrillic letter
        ("scope", "ѕсоре"),
        ("o", "0"),
        ("रज", f"र्{ZWJ}ज"),
        ("naive", "naïve"),
        ("か゛", "が"),
    ],
)
def test_tags_that_only_look_alike_stay_apart(one: str, other: str) -> None:
    assert parse_target(f"#{one}") != parse_target(f"#{other}")


def changes_in_folding(char: str) -> bool:
    return unicodedata.normalize("NFKC", char).casefold() != char or unicodedata.combining(char) > 0


def test_every_character_that_folding_changes_is_refused_or_reaches_a_fixed_point() -> None:
    """All of them, because those that need two rounds are few."""
    tags = [f"#a{char}" for char in map(chr, range(sys.maxunicode + 1)) if changes_in_folding(char)]

    targets = [parse_target(tag) for tag in tags if not is_refused(tag)]

    assert len(targets) > 5_000
    assert [parse_target(target) for target in targets] == targets
    assert [unicodedata.normalize("NFC", target) for target in targets] == targets


@given(st.text(st.characters(categories=["L", "M", "Nd"]) | st.sampled_from("_・～゛゜" + ZWNJ + ZWJ), min_size=1, max_size=30))
def test_folding_a_folded_tag_changes_nothing(text: str) -> None:
    if is_refused(f"#{text}"):
        return

    target = parse_target(f"#{text}")

    assert parse_target(target) == target
    assert parse_target(f"＃{text}") == target
    assert parse_target(f"hashtag:{unicodedata.normalize('NFD', text)}") == target


@given(st.text("abcxyzßéñσωдж_09", min_size=1).filter(lambda text: any(char.isalnum() for char in text)))
def test_case_makes_no_difference(text: str) -> None:
    text = text[:40]
    if is_refused(f"#{text}"):
        return

    assert parse_target(f"#{text.upper()}") == parse_target(f"#{text.lower()}") == parse_target(f"#{text}")
