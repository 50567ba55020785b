"""`geowithhold admin quarantine`, against a notifier that answers as told."""

import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from geowithhold.cli.app import main
from geowithhold.cli.quarantine import QUARANTINE

RECORD = {
    "id": 7,
    "topic": "geowithhold.withholdings.v1",
    "reason": "garbage",
    "at": "2021-01-31T06:00:00Z",
    "state": "open",
    "about": "IN/account:a",
    "held": True,
    "actions": [{"verb": "retry", "outcome": "not_understood", "detail": "still garbage"}],
}
CLOSED = RECORD | {"state": "retried", "held": False}


class Notifier:
    """Answers every request with the same, and remembers what it was asked."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, Any]] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content) if request.content else dict(request.url.params)
        self.asked.append((request.method, request.url.path, body))
        return httpx2.Response(200, json=self.answer)


def run(notifier: Notifier, *argv: str) -> int:
    def reached(arguments: Any) -> Any:
        arguments.transport = httpx2.MockTransport(notifier)
        return QUARANTINE.run(arguments)

    return main(["admin", "quarantine", *argv], verbs=[replace(QUARANTINE, run=reached)])


def test_what_is_open_is_listed_in_short(capsys: pytest.CaptureFixture[str]) -> None:
    unreadable = RECORD | {"id": 8, "about": None, "held": False}
    notifier = Notifier({"items": [RECORD, unreadable], "next": "more"})

    assert run(notifier, "list") == 0

    assert notifier.asked == [("GET", "/v1/quarantine", {"state": "open", "limit": "100"})]
    topic = "2021-01-31T06:00:00Z, geowithhold.withholdings.v1"
    assert capsys.readouterr().out.splitlines() == [
        f"7: open, held, {topic}, about IN/account:a: garbage",
        f"8: open, {topic}, about nobody knows what: garbage",
        "next: more",
    ]


def test_the_list_as_json_is_the_answer_itself(capsys: pytest.CaptureFixture[str]) -> None:
    notifier = Notifier({"items": [RECORD], "next": None})

    assert run(notifier, "list", "--state", "all", "--limit", "5", "--cursor", "c", "--json") == 0

    assert notifier.asked == [("GET", "/v1/quarantine", {"state": "all", "limit": "5", "cursor": "c"})]
    assert json.loads(capsys.readouterr().out) == notifier.answer


def test_one_record_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    notifier = Notifier(RECORD)

    assert run(notifier, "--json", "show", "7") == 0

    assert notifier.asked == [("GET", "/v1/quarantine/7", {})]
    assert json.loads(capsys.readouterr().out) == RECORD


@pytest.mark.parametrize("action", ["retry", "replace"])
def test_a_record_is_dealt_with_by_somebody(action: str) -> None:
    notifier = Notifier(CLOSED)

    assert run(notifier, action, "7", "--by", "asha", "--memo", "ticket 7") == 0

    assert notifier.asked == [("POST", f"/v1/quarantine/7/{action}", {"by": "asha", "memo": "ticket 7"})]


def test_a_record_that_is_still_open_after_the_try_was_not_dealt_with(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Notifier(RECORD), "retry", "7", "--by", "asha") == 1

    assert capsys.readouterr().err == "not done: 7 is still open, not_understood: still garbage\n"


def test_two_people_skip_a_record() -> None:
    notifier = Notifier(CLOSED)

    assert run(notifier, "skip", "7", "--approver", "asha", "--approver", "bo", "--memo", "a test") == 0

    assert notifier.asked == [("POST", "/v1/quarantine/7/skip", {"approvers": ["asha", "bo"], "memo": "a test"})]


@pytest.mark.parametrize(
    "argv", [[], ["show"], ["show", "x"], ["retry", "7"], ["skip", "7", "--approver", "asha"], ["list", "--state", "lost"]]
)
def test_a_wrong_command_ends_with_2(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["admin", "quarantine", *argv])

    assert ended.value.code == 2
