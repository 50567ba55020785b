"""`admin replay`: what was published is published again, for readers that have lost some of it. Safe at any time."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from geowithhold.cli.service import BLOCKLIST, Service, url_argument
from geowithhold.cli.verb import Answer, Verb

PATH = "/v1/admin/replays"
LOOK_EVERY = 0.5

ONE_OF = ("key", "directive", "jurisdiction", "everything", "topic")


def _arguments(parser: ArgumentParser) -> None:
    url_argument(parser, BLOCKLIST)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--key", metavar="IN/account:a", help="every version of one key")
    what.add_argument("--directive", metavar="ID", help="the events of one directive, and every version of the keys it claimed")
    what.add_argument("--jurisdiction", metavar="IN", help="every version of each key of one jurisdiction")
    what.add_argument("--topic", help="everything of one partition of this topic; with --partition")
    what.add_argument("--everything", action="store_true", help="every version of every key, and every directive's events")
    parser.add_argument("--partition", type=int, metavar="N")
    parser.add_argument("--dry-run", action="store_true", help="only count what would be published")
    parser.add_argument("--no-wait", action="store_true", help="return as soon as it is accepted")


def _body(arguments: Namespace) -> dict[str, Any]:
    chosen = {name: value for name in ONE_OF if (value := getattr(arguments, name))}
    if arguments.partition is not None:
        chosen["partition"] = arguments.partition
    return {**chosen, "dry_run": arguments.dry_run}


def _run(arguments: Namespace, sleep: Callable[[float], None] = time.sleep) -> Answer:
    service = Service(arguments)
    answer = service.post(PATH, _body(arguments))
    while answer["state"] == "running" and not arguments.no_wait:
        sleep(LOOK_EVERY)
        answer = service.get(f"{PATH}/{answer['id']}")
    return answer


REPLAY = Verb(
    name="replay",
    help="Publish again what was published: a key, a directive, a jurisdiction, a partition of a topic, or everything.",
    arguments=_arguments,
    run=_run,
)
