import json
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from geowithhold.cli import replay
from geowithhold.cli.app import main
from geowithhold.cli.service import BLOCKLIST, Service, url_argument
from geowithhold.cli.verb import Answer, CannotDo, Verb

Handler = Callable[[httpx2.Request], httpx2.Response]


def say(arguments: Namespace) -> Answer:
    if arguments.fail:
        raise CannotDo("it is night", {"type": "urn:x", "detail": "it is night"} if arguments.fail == "problem" else {})
    return {"word": arguments.word, "counts": {"letters": len(arguments.word)}, "none": None}


def say_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("word")
    parser.add_argument("--fail")


SAY = Verb(name="say", help="Says a word.", arguments=say_arguments, run=say)


def test_what_came_of_it_is_told_in_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["admin", "say", "yes"], verbs=[SAY]) == 0

    assert capsys.readouterr().out.splitlines() == ["word: yes", "counts:", "  letters: 3", "none: null"]


def test_what_came_of_it_is_told_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["admin", "say", "--json", "yes"], verbs=[SAY]) == 0

    assert json.loads(capsys.readouterr().out) == {"word": "yes", "counts": {"letters": 3}, "none": None}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--fail", "yes"], "not done: it is night\n"),
        (["--fail", "problem"], "not done: it is night\n"),
        (["--fail", "yes", "--json"], '{"detail": "it is night"}\n'),
        (["--fail", "problem", "--json"], '{"type": "urn:x", "detail": "it is night"}\n'),
    ],
)
def test_what_was_not_done_is_told_on_stderr_and_ends_with_1(
    capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    assert main(["admin", "say", "yes", *options], verbs=[SAY]) == 1

    assert capsys.readouterr() == ("", told)


@pytest.mark.parametrize("argv", [[], ["admin"], ["admin", "unheard-of"], ["admin", "replay"], ["admin", "replay", "--key"]])
def test_a_wrong_command_ends_with_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)

    assert ended.value.code == 2
    assert "usage: geowithhold" in capsys.readouterr().err


def test_the_module_runs_and_lists_its_verbs() -> None:
    done = subprocess.run([sys.executable, "-m", "geowithhold", "admin", "-h"], capture_output=True, text=True, check=True)

    assert "replay" in done.stdout


def service(handler: Handler) -> Service:
    return Service(Namespace(url="http://blocklist", transport=httpx2.MockTransport(handler)))


def test_a_service_is_asked_with_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOWITHHOLD_ADMIN_KEY", "secret")
    asked = service(lambda request: httpx2.Response(200, json={"key": request.headers.get("authorization")}))

    assert asked.get("/v1/x") == {"key": "Bearer secret"}


def test_without_a_key_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEOWITHHOLD_ADMIN_KEY", raising=False)
    asked = service(lambda request: httpx2.Response(200, json={"key": request.headers.get("authorization")}))

    assert asked.post("/v1/x", {}) == {"key": None}


def away(_request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("nobody listens")


@pytest.mark.parametrize(
    ("handler", "detail", "problem"),
    [
        (away, "http://blocklist does not answer: nobody listens", {}),
        (lambda _: httpx2.Response(502, text="<html>"), "http://blocklist answered 502 and no JSON", {}),
        (lambda _: httpx2.Response(404, json={"detail": "no such thing"}), "no such thing", {"detail": "no such thing"}),
        (lambda _: httpx2.Response(404, json={}), "Not Found", {}),
    ],
)
def test_what_a_service_refuses_could_not_be_done(handler: Handler, detail: str, problem: dict[str, Any]) -> None:
    with pytest.raises(CannotDo) as refused:
        service(handler).get("/v1/x")

    assert (str(refused.value), refused.value.problem) == (detail, problem)


def test_where_a_service_is_stands_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BLOCKLIST, "http://elsewhere:1")
    parser = ArgumentParser()
    url_argument(parser, BLOCKLIST)

    assert parser.parse_args([]).url == "http://elsewhere:1"
    assert parser.parse_args(["--url", "http://here:2"]).url == "http://here:2"


class Replays:
    """A blocklist that needs so many looks to be done."""

    def __init__(self, looks: int) -> None:
        self.left = looks
        self.asked: list[tuple[str, str, Any]] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append((request.method, request.url.path, json.loads(request.content) if request.content else None))
        state = "running" if self.left else "done"
        self.left -= 1
        return httpx2.Response(200, json={"id": "rpl_1", "state": state, "events": 3})


def replayed(handler: Handler, *argv: str) -> Answer:
    parser = ArgumentParser()
    replay.REPLAY.arguments(parser)
    arguments = parser.parse_args([*argv, "--url", "http://blocklist"])
    arguments.transport = httpx2.MockTransport(handler)
    return replay._run(arguments, sleep=lambda _: None)


@pytest.mark.parametrize(
    ("argv", "body"),
    [
        (["--key", "IN/account:a"], {"key": "IN/account:a", "dry_run": False}),
        (["--directive", "dir_1"], {"directive": "dir_1", "dry_run": False}),
        (["--jurisdiction", "IN", "--dry-run"], {"jurisdiction": "IN", "dry_run": True}),
        (["--topic", "t.v1", "--partition", "0"], {"topic": "t.v1", "partition": 0, "dry_run": False}),
        (["--everything"], {"everything": True, "dry_run": False}),
    ],
)
def test_a_replay_says_what_is_to_be_published_again_and_waits_until_it_is_queued(argv: list[str], body: Any) -> None:
    blocklist = Replays(2)

    answer = replayed(blocklist, *argv)

    assert answer["state"] == "done"
    assert blocklist.asked == [("POST", replay.PATH, body), *[("GET", f"{replay.PATH}/rpl_1", None)] * 2]


def test_a_replay_does_not_wait_if_told_so() -> None:
    blocklist = Replays(5)

    assert replayed(blocklist, "--everything", "--no-wait")["state"] == "running"
    assert len(blocklist.asked) == 1
