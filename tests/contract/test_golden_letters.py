"""What users are told, word for word, in each language. The files were written by hand."""

from pathlib import Path

import pytest

from services.blocklist.domain.causes import Cause
from services.blocklist.domain.user_notice import Change
from services.blocklist.exports.letters import Language, Letter, Names, load_letters, write
from shared.ids import Target
from tests.support.builders import IN

GOLDEN = Path(__file__).parent / "golden" / "letters"

WITHHELD = Letter(
    change=Change.WITHHELD,
    target=Target("account:acct_1"),
    places=(IN,),
    cause=None,
    label="legal_demand",
    names=Names("The Authority", "An Act, s.1"),
    redress="Court of Delhi",
    still_withheld=True,
    platform="Example",
    contact=None,
)
RELEASED = Letter(
    change=Change.RELEASED,
    target=Target("post:1355000000000000001"),
    places=(IN,),
    cause=Cause.APPEAL,
    label="legal_demand",
    names=None,
    redress=None,
    still_withheld=False,
    platform="Example",
    contact=None,
)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("letter", [pytest.param(WITHHELD, id="withheld"), pytest.param(RELEASED, id="released")])
def test_the_letter_says_what_it_always_said(letter: Letter, language: Language) -> None:
    written = write(letter, load_letters()[language])

    assert f"{written.subject}\n\n{written.text}\n" == (GOLDEN / f"{letter.change}-{language}.txt").read_text("utf-8")
