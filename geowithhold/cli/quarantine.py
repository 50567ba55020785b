"""`admin quarantine`: records that the notifier could not understand, and what is done about them."""

from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from geowithhold.cli.service import NOTIFIER, Service, url_argument
from geowithhold.cli.verb import Answer, CannotDo, Verb

PATH = "/v1/quarantine"


def _arguments(parser: ArgumentParser) -> None:
    url_argument(parser, NOTIFIER)
    actions = parser.add_subparsers(required=True, metavar="action", dest="action")
    listed = _action(actions, "list", "the records, in the order in which they were set aside")
    listed.add_argument("--state", choices=["open", "closed", "all"], default="open", help="(default: open)")
    listed.add_argument("--limit", type=int, default=100, help="of one page (default: 100)")
    listed.add_argument("--cursor", help="`next` of the page before")
    _on_one(actions, "show", "one record, with its bytes and all that was done about it")
    for name, help_ in (
        ("retry", "read it again, for instance after an upgrade"),
        ("replace", "take what the blocklist has of its key or directive instead"),
    ):
        one = _on_one(actions, name, help_)
        one.add_argument("--by", required=True, metavar="NAME", help="who does this")
        one.add_argument("--memo", help="why")
    skip = _on_one(actions, "skip", "do without it: what is stored stands; takes two different people")
    skip.add_argument("--approver", required=True, action="append", metavar="NAME", help="each of them, once")
    skip.add_argument("--memo", required=True, help="why")


def _action(actions: Any, name: str, help_: str) -> ArgumentParser:
    one: ArgumentParser = actions.add_parser(name, help=help_, description=help_)
    one.add_argument("--json", action="store_true", default=SUPPRESS, help="answer as JSON")
    return one


def _on_one(actions: Any, name: str, help_: str) -> ArgumentParser:
    one = _action(actions, name, help_)
    one.add_argument("id", type=int, help="the record's id, as `list` shows it")
    return one


def _list(service: Service, arguments: Namespace) -> Answer:
    query = {"state": arguments.state, "limit": arguments.limit, "cursor": arguments.cursor}
    page = service.get(PATH, **{name: value for name, value in query.items() if value is not None})
    return page if arguments.json else {**{str(each["id"]): _in_short(each) for each in page["items"]}, "next": page["next"]}


def _show(service: Service, arguments: Namespace) -> Answer:
    return service.get(f"{PATH}/{arguments.id}")


def _act(service: Service, arguments: Namespace) -> Answer:
    """What is still open after a try was not done."""
    answer = service.post(f"{PATH}/{arguments.id}/{arguments.action}", {"by": arguments.by, "memo": arguments.memo})
    if answer["state"] == "open":
        last = answer["actions"][-1]
        raise CannotDo(f"{arguments.id} is still open, {last['outcome']}: {last['detail']}", answer)
    return answer


def _skip(service: Service, arguments: Namespace) -> Answer:
    return service.post(f"{PATH}/{arguments.id}/skip", {"approvers": arguments.approver, "memo": arguments.memo})


def _in_short(record: Answer) -> str:
    about = record["about"] or "nobody knows what"
    held = ", held" if record["held"] else ""
    return f"{record['state']}{held}, {record['at']}, {record['topic']}, about {about}: {record['reason']}"


_ACTIONS: dict[str, Callable[[Service, Namespace], Answer]] = {
    "list": _list,
    "show": _show,
    "retry": _act,
    "replace": _act,
    "skip": _skip,
}


def _run(arguments: Namespace) -> Answer:
    return _ACTIONS[arguments.action](Service(arguments), arguments)


QUARANTINE = Verb(
    name="quarantine",
    help="Records that could not be understood: list and show them, try them again, replace them from the source, skip them.",
    arguments=_arguments,
    run=_run,
)
