"""`geowithhold admin <verb>`: 0 if it was done, 1 if not, 2 if the command itself is wrong.

What came of it goes to stdout, why it did not to stderr; as JSON with `--json`.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from geowithhold.cli.keep import BACKUP, RESTORE
from geowithhold.cli.quarantine import QUARANTINE
from geowithhold.cli.replay import REPLAY
from geowithhold.cli.verb import Answer, CannotDo, Verb

VERBS: tuple[Verb, ...] = (REPLAY, QUARANTINE, BACKUP, RESTORE)
"""In the order in which they are listed. One more is one line here and a module beside."""


def main(argv: Sequence[str] | None = None, *, verbs: Sequence[Verb] = VERBS) -> int:
    arguments = _parser(verbs).parse_args(argv)
    try:
        answer = arguments.verb.run(arguments)
    except CannotDo as error:
        _print(error.problem or {"detail": error.detail} if arguments.json else {"not done": error.detail}, arguments, sys.stderr)
        return 1
    _print(answer, arguments, sys.stdout)
    return 0


def _parser(verbs: Sequence[Verb]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="geowithhold", description="Geowithhold's command line.")
    areas = parser.add_subparsers(required=True, metavar="admin")
    admin = areas.add_parser("admin", help="what whoever runs the services does")
    names = admin.add_subparsers(required=True, metavar="verb")
    for verb in verbs:
        one = names.add_parser(verb.name, help=verb.help, description=verb.help)
        one.add_argument("--json", action="store_true", help="answer as JSON")
        verb.arguments(one)
        one.set_defaults(verb=verb)
    return parser


def _print(answer: Answer, arguments: argparse.Namespace, stream: Any) -> None:
    lines = [json.dumps(answer)] if arguments.json else _lines(answer)
    for line in lines:
        stream.write(f"{line}\n")


def _lines(answer: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """One thing a line, what is inside another indented."""
    for name, value in answer.items():
        if isinstance(value, Mapping):
            yield f"{indent}{name}:"
            yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}{name}: {value if isinstance(value, str) else json.dumps(value)}"
