"""`admin backup` and `admin restore`: the service's own command takes over, as it alone knows its database."""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence

from geowithhold.cli.verb import Answer, CannotDo, Verb

SERVICES = ("blocklist", "notifier")

Replace = Callable[[str, Sequence[str]], None]
"""Makes this process the given command. Returns only if it cannot."""


def _become(program: str, command: Sequence[str]) -> None:
    os.execv(program, list(command))  # noqa: S606 (that is the point)


def _backup_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--service", choices=SERVICES, required=True)
    parser.add_argument("file", help="a file that does not exist yet")


def _restore_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--service", choices=SERVICES, required=True)
    parser.add_argument("file", help="what `backup` made")
    parser.add_argument("--replace", action="store_true", help="all that is in the database may go")
    parser.add_argument(
        "--no-roll-forward",
        action="store_true",
        help="take nothing from Kafka: liftings after the backup are LOST and versions are used again",
    )


def _backup(arguments: Namespace, become: Replace = _become) -> Answer:
    return _hand_over(["backup", arguments.file], arguments, become)


def _restore(arguments: Namespace, become: Replace = _become) -> Answer:
    flags = {"--replace": arguments.replace, "--no-roll-forward": arguments.no_roll_forward}
    return _hand_over(["restore", arguments.file, *(flag for flag, wanted in flags.items() if wanted)], arguments, become)


def _hand_over(command: Sequence[str], arguments: Namespace, become: Replace) -> Answer:
    """What follows answers as JSON by itself, with the same exit codes."""
    become(sys.executable, [sys.executable, "-m", f"services.{arguments.service}", *command])
    raise CannotDo("the service's own command could not be started")


BACKUP = Verb(
    name="backup",
    help="Write the whole database of a service to a file, while the service goes on.",
    arguments=_backup_arguments,
    run=_backup,
)
RESTORE = Verb(
    name="restore",
    help="Make the database of a service what a backup and the topics know, under a new epoch. Stop the service first.",
    arguments=_restore_arguments,
    run=_restore,
)
