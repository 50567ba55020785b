"""`python -m services.notifier run|migrate|backup|restore|repartition`"""

import argparse
import asyncio
import sys

from services.notifier.app import PACKAGE, create_app
from services.notifier.restore import restore
from services.notifier.settings import NotifierSettings
from services.notifier.tables import metadata, outbox, system
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
    settings = load_settings(NotifierSettings)
    configure_logs(service=f"notifier-{role}", level=settings.log_level)
    require_fit(settings.database_url, settings.store_limits)
    match role:
        case "migrate":
            asyncio.run(migrate(settings.database_url, PACKAGE))
        case "repartition":
            with exclusive(settings.database_url):
                change_partitions(settings.database_url, PACKAGE, system, outbox, settings.topics)
        case "backup":
            cli.run(lambda: cli.backed_up(settings.database_url, PACKAGE, metadata, arguments.file))
        case "restore":
            cli.run(lambda: restore(settings, arguments.file, cli.options_of(arguments)))
        case _:
            with exclusive(settings.database_url):
                require_partitions(settings.database_url, PACKAGE, system, settings.partitions)
                refuse_wrong_topics(settings)
                serve(create_app(settings), settings, port=settings.port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.notifier", description="The notifier service.")
    roles = parser.add_subparsers(dest="role", required=True, metavar="run|migrate|backup|restore|repartition")
    roles.add_parser("run", help="the whole service")
    roles.add_parser("migrate", help="bring the database to the newest schema")
    cli.add_verbs(roles)
    roles.add_parser("repartition", help=REPARTITION)
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
