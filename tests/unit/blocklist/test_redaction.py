"""What is taken from an order's text, and what is left in it."""

import time

import pytest

from services.blocklist.exports.redaction import redact


@pytest.mark.parametrize(
    ("text", "left"),
    [
        pytest.param("write to a.b@meity.gov.in now", "write to [redacted] now", id="e-mail"),
        pytest.param("write to cyberlaw[at]meity[dot]gov[dot]in", "write to [redacted]", id="e-mail in brackets"),
        pytest.param("write to group (at) x (dot) in.", "write to [redacted].", id="e-mail with spaces"),
        pytest.param("call +91 11 2430-1851, please", "call [redacted], please", id="international number"),
        pytest.param("call (011) 24301851", "call [redacted]", id="area code"),
        pytest.param("call 9876543210", "call [redacted]", id="plain number"),
        pytest.param("Shri Rajesh Kumar asked", "Shri [redacted] asked", id="title"),
        pytest.param("Dr. A.K. Rao, Scientist", "Dr. [redacted], Scientist", id="title and initials"),
        pytest.param("Signed by: Asha Mehta", "Signed by: [redacted]", id="signature"),
        pytest.param("Sd/- R. Maheshwari", "Sd/- [redacted]", id="sd"),
        pytest.param("text\n(Rakesh Maheshwari)\nend", "text\n([redacted])\nend", id="name in brackets on its line"),
        pytest.param("Pranav Shah, Joint Secretary", "[redacted], Joint Secretary", id="name before a post"),
        pytest.param("Pranav Shah\nDesignated Officer", "[redacted]\nDesignated Officer", id="name above a post"),
        pytest.param("श्री राजेश कुमार, सचिव", "श्री [redacted], सचिव", id="title in Hindi"),
    ],
)
def test_what_points_at_a_person_is_replaced(text: str, left: str) -> None:
    found = redact(text)

    assert (found.text, found.passages) == (left, 1)


@pytest.mark.parametrize(
    "text",
    [
        "Withhold 257 accounts and #farmers in India under section 69A.",
        "Order 14(1)/2021-ES of 2021-01-31 06:00 and of 31.01.2021",
        "https://x.com/a/status/1355000000000000001 and @acct_42",
        "The Joint Secretary may confirm; the Ministry of Electronics, Government of India, decides.",
        "Rule 16 of the Blocking Rules 2009 (the Rules)",
        "",
    ],
)
def test_what_points_at_nobody_is_left(text: str) -> None:
    found = redact(text)

    assert (found.text, found.passages) == (text, 0)


def test_the_officers_that_an_order_names_go_wherever_they_stand() -> None:
    found = redact("asha mehta asked; see Asha Mehta, not Ashak", ["Asha Mehta, Director, a@b.in", "Al"])

    assert (found.text, found.passages) == ("[redacted] asked; see [redacted], not Ashak", 2)


def test_a_reference_keeps_its_numbers() -> None:
    assert redact("0112430185 of a@b.in", numbers=False).text == "0112430185 of [redacted]"


def test_a_text_made_to_hold_up_the_search_does_not() -> None:
    texts = ["a." * 5000, "1 " * 5000, "A " * 5000, "(A" * 5000, "a[dot]" * 1500, "Shri " * 2000, "श्री " * 2000]

    started = time.perf_counter()
    for text in texts:
        redact(text)

    assert time.perf_counter() - started < 5
