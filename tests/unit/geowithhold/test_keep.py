"""Backup and restore are handed over to the service's own command."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence

import pytest

from geowithhold.cli import keep
from geowithhold.cli.verb import CannotDo, Verb


class Became(BaseException):
    """The process is another one now."""


def became(verb: Verb, command: Sequence[str]) -> list[str]:
    parser = ArgumentParser()
    verb.arguments(parser)
    found: list[str] = []

    def become(program: str, argv: Sequence[str]) -> None:
        assert program == sys.executable
        found.extend(argv)
        raise Became

    run = keep._backup if verb is keep.BACKUP else keep._restore
    with pytest.raises(Became):
        run(parser.parse_args(command), become)
    return found[1:]


@pytest.mark.parametrize(
    ("verb", "command", "handed"),
    [
        (keep.BACKUP, ["--service", "blocklist", "f"], ["-m", "services.blocklist", "backup", "f"]),
        (keep.BACKUP, ["--service", "notifier", "f"], ["-m", "services.notifier", "backup", "f"]),
        (keep.RESTORE, ["--service", "notifier", "f"], ["-m", "services.notifier", "restore", "f"]),
        (
            keep.RESTORE,
            ["--service", "blocklist", "f", "--replace", "--no-roll-forward"],
            ["-m", "services.blocklist", "restore", "f", "--replace", "--no-roll-forward"],
        ),
    ],
)
def test_what_is_handed_over(verb: Verb, command: list[str], handed: list[str]) -> None:
    assert became(verb, command) == handed


def test_a_command_that_cannot_be_started_is_told() -> None:
    parser = ArgumentParser()
    keep.BACKUP.arguments(parser)

    with pytest.raises(CannotDo, match="could not be started"):
        keep._backup(parser.parse_args(["--service", "blocklist", "f"]), lambda _program, _command: None)


@pytest.mark.parametrize("command", [["f"], ["--service", "relay", "f"], ["--service", "blocklist"]])
def test_the_service_and_the_file_are_named(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    keep.RESTORE.arguments(parser)

    with pytest.raises(SystemExit) as ended:
        parser.parse_args(command)

    assert ended.value.code == 2
