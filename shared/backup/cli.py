"""The verbs `backup` and `restore` on a service's command line."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import MetaData

from shared.backup.dump import back_up
from shared.backup.errors import BackupRefused
from shared.backup.manifest import Manifest

REFUSED = 1

UNSEEN_EPOCHS = 1000
"""Who did not ask the topics which epochs there were leaps over so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOptions:
    """`replace`: what is in the database may go. `roll_forward`: what the topics know beyond the backup is taken from them."""

    replace: bool
    roll_forward: bool


def add_verbs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    backup = verbs.add_parser("backup", help="write the whole database to a new file, while the service goes on")
    backup.add_argument("file", type=Path)
    restore = verbs.add_parser("restore", help="make the database what a backup and the topics know, under a new epoch")
    restore.add_argument("file", type=Path)
    restore.add_argument("--replace", action="store_true", help="all that is in the database may go")
    restore.add_argument(
        "--no-roll-forward",
        dest="roll_forward",
        action="store_false",
        help="take nothing from Kafka: liftings after the backup are LOST and versions are used again",
    )


def options_of(arguments: argparse.Namespace) -> RestoreOptions:
    return RestoreOptions(replace=arguments.replace, roll_forward=arguments.roll_forward)


async def backed_up(url: str, package: str, metadata: MetaData, file: Path) -> dict[str, Any]:
    """Makes the backup, and answers what it holds."""
    return {"file": str(file), **summary(await back_up(url, package, metadata, file))}


def summary(manifest: Manifest) -> dict[str, Any]:
    """What a backup holds, in a few lines."""
    tables = {table.name: table.rows for table in manifest.tables}
    whole = {"service": manifest.service, "taken_at": manifest.taken_at, "schema": manifest.revision, "epoch": manifest.epoch}
    return {**whole, "rows": tables}


def run(work: Callable[[], Coroutine[Any, Any, dict[str, Any]]]) -> None:
    """Prints what the work answers as JSON, or ends the process with the reason why nothing was done."""
    try:
        answer = asyncio.run(work())
    except BackupRefused as error:
        sys.stderr.write(f"Refused: {error}\n")
        sys.exit(REFUSED)
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode() + "\n")
