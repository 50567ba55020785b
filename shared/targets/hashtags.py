"""Hashtags: one id for every spelling that the platform treats as the same tag, and for no other.

Case, width and composition are folded (NFKC, case folding, NFKC, to a fixed point). Characters that merely look alike
stay apart, `İ`, `ı` and `i` too. What cannot be seen is refused: it would make a second tag that reads like the first.
"""

import re
import unicodedata

from idna.core import valid_contextj

from shared.targets.errors import TargetError

MAX_HASHTAG = 100
"""In characters, before folding and after it: folding makes some characters up to 18 times longer."""

_SIGNS = ("#", "＃")
_PLAIN = re.compile(r"[A-Za-z0-9_]*[A-Za-z0-9][A-Za-z0-9_]*")
_JOINERS = "\u200c\u200d"

# Beside letters, marks and digits the platform takes these into a tag; the full-width low line is `_` as a full-width
# keyboard writes it.
_SPECIAL = frozenset("_＿\u00b7\u05be\u05f3\u05f4\u0f0b\u0f0c\u3003\u301c\u309b\u309c\u30a0\u30fb\ua67e\uff5e" + _JOINERS)

# NFKC would turn these specials into a tilde and into spaces, which no tag may hold; so they are kept as they are.
_KEPT = re.compile("([\u309b\u309c\uff5e])")

# Unicode's Default_Ignorable_Code_Point without the joiners, and a Khitan filler that is as blank.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U00016fe4\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def hashtag_id(text: str) -> str:
    """The tag without its sign, folded; at most one sign is taken off. `hashtag_id(hashtag_id(x)) == hashtag_id(x)`."""
    raw = text[1:] if text.startswith(_SIGNS) else text
    if len(raw) > MAX_HASHTAG:
        raise TargetError(f"a hashtag has at most {MAX_HASHTAG} characters", text)
    if _PLAIN.fullmatch(raw):
        return raw.lower()
    # Before folding too: `™` would fold to the letters `tm`, and withhold a tag that nobody named.
    _refuse_unlisted(raw)
    folded = "".join(part if _KEPT.match(part) else _fold(part) for part in _KEPT.split(raw))
    _refuse_unlisted(folded)
    _refuse_malformed(folded)
    return folded


def _fold(text: str) -> str:
    # One round is not enough: for some code points the folded form can be folded again.
    while (folded := unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())) != text:
        text = folded
    return text


def _refuse_unlisted(text: str) -> None:
    if hidden := _INVISIBLE.search(text):
        raise TargetError(f"the hashtag holds an invisible character, U+{ord(hidden[0]):04X}", text)
    for char in text:
        if not (char in _SPECIAL or _is_word(char)):
            raise TargetError(f"the hashtag holds U+{ord(char):04X}, which no hashtag may hold", text)


def _is_word(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "LM" or category == "Nd"


def _refuse_malformed(text: str) -> None:
    if len(text) > MAX_HASHTAG:
        raise TargetError(f"a hashtag has at most {MAX_HASHTAG} characters, counted after folding too", text)
    if not any(char.isalnum() for char in text):
        raise TargetError("a hashtag holds a letter or a digit", text)
    if unicodedata.category(text[0])[0] == "M":
        raise TargetError("a hashtag does not begin with a combining mark", text)
    if not all(_joins(text, position) for position, char in enumerate(text) if char in _JOINERS):
        raise TargetError("the hashtag holds an invisible joiner where it joins nothing", text)


def _joins(text: str, position: int) -> bool:
    """Whether the joiner there changes how its neighbours are written, as in Persian and Indic words."""
    try:
        return valid_contextj(text, position)
    except ValueError:  # a neighbour that the Unicode database has no name for, so no joining script either
        return False
