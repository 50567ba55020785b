"""`python -m services.blocklist api|relay|migrate|backup|restore|repartition`"""

import argparse
import asyncio
import sys

from services.blocklist.app import PACKAGE, create_api, create_relay
from services.blocklist.restore import restore
from services.blocklist.settings import BlocklistSettings
from services.blocklist.tables import metadata, outbox, system
from shared.backup import cli
from shared.db import exclusive
from shared.logs import configure_logs
from shared.migrations import migrate
from shared.partition_count import REPARTITION, change_partitions, require_partitions
from shared.serve import serve
from shared.settings import load_settings
from shared.store_start import require_fit
from shared.topic_guard import refuse_wrong_topics


def main(argv: list[str]) -> None:
    arguments = _parser().parse_args(argv)
    role = arguments.role
    settings = load_settings(BlocklistSettings)
    configure_logs(service=f"blocklist-{role}", level=settings.log_level)
    require_fit(settings.database_url, settings.store_limits)
    match role:
        case "migrate":
            asyncio.run(migrate(settings.database_url, PACKAGE))
        case "relay":
            _relay(settings)
        case "repartition":
            with exclusive(settings.database_url):
                change_partitions(settings.database_url, PACKAGE, system, outbox, settings.topics)
        case "backup" | "restore":
            _keep(settings, arguments)
        case _:
            with exclusive(settings.database_url):
                _require_partitions(settings)
                if settings.embedded:
                    refuse_wrong_topics(settings)
                serve(create_api(settings), settings, port=settings.port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.blocklist", description="The blocklist service.")
    roles = parser.add_subparsers(dest="role", required=True, metavar="api|relay|migrate|backup|restore|repartition")
    roles.add_parser("api", help="the HTTP service; on SQLite it relays, too")
    roles.add_parser("relay", help="what was committed goes to Kafka; on PostgreSQL alone")
    roles.add_parser("migrate", help="bring the database to the newest schema")
    cli.add_verbs(roles)
    roles.add_parser("repartition", help=REPARTITION)
    return parser


def _relay(settings: BlocklistSettings) -> None:
    if settings.embedded:
        sys.exit("On SQLite the relay runs inside `api`: one file serves one process.")
    _require_partitions(settings)
    refuse_wrong_topics(settings)
    # Nobody sends to it, so it waits for nobody when it ends.
    serve(create_relay(settings), settings, port=settings.relay_port, routed=False)


def _require_partitions(settings: BlocklistSettings) -> None:
    require_partitions(settings.database_url, PACKAGE, system, settings.partitions)


def _keep(settings: BlocklistSettings, arguments: argparse.Namespace) -> None:
    if arguments.role == "restore":
        cli.run(lambda: restore(settings, arguments.file, cli.options_of(arguments)))
    else:
        cli.run(lambda: cli.backed_up(settings.database_url, PACKAGE, metadata, arguments.file))


if __name__ == "__main__":
    main(sys.argv[1:])
