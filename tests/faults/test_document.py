"""The document of faults is made from the tests' own markers."""

from pathlib import Path

import pytest

from tests.faults import document
from tests.faults.catalogue import NOT_SHOWN, ROWS


@pytest.fixture
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(document, "ROOT", tmp_path)
    return tmp_path


def test_a_test_is_listed_at_every_row_that_it_is_marked_with(somewhere: Path) -> None:
    (somewhere / "test_some.py").write_text(
        "import pytest\n"
        "@pytest.mark.fault(3)\n@pytest.mark.fault(11)\nasync def test_it_holds():\n    pass\n"
        "class TestMore:\n    @pytest.mark.fault(3)\n    def test_it_still_holds(self):\n        pass\n"
    )
    (somewhere / "test_whole.py").write_text("pytestmark = [pytest.mark.postgres, pytest.mark.fault(32)]\n")

    shown = document.shown_by(somewhere)

    assert dict(shown) == {
        3: ["it holds ([test_some](../test_some.py))", "it still holds ([test_some](../test_some.py))"],
        11: ["it holds ([test_some](../test_some.py))"],
        32: ["all of ([test_whole](../test_whole.py))"],
    }


def test_a_row_with_neither_test_nor_reason_is_missing() -> None:
    text, missing = document.document({1: ["it holds"]})

    assert missing == [number for number in ROWS if number not in NOT_SHOWN and number != 1]
    assert f"| 1 | {ROWS[1].fault} | {ROWS[1].required} | it holds |" in text
    assert f"*Not shown.* {NOT_SHOWN[45]}" in text
