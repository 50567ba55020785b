"""`python -m services.blocklist api|relay|migrate`"""

import argparse
import asyncio
import sys

from services.blocklist.app import PACKAGE, create_api, create_relay
from services.blocklist.settings import BlocklistSettings
from shared.db import exclusive
from shared.logs import configure_logs
from shared.migrations import migrate
from shared.serve import serve
from shared.settings import load_settings
from shared.store_start import require_fit


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m services.blocklist", description="The blocklist service.")
    parser.add_argument("role", choices=["api", "relay", "migrate"], help="what this process does; on SQLite `api` relays, too")
    role = parser.parse_args(argv).role
    settings = load_settings(BlocklistSettings)
    configure_logs(service=f"blocklist-{role}", level=settings.log_level)
    require_fit(settings.database_url, settings.store_limits)
    match role:
        case "migrate":
            asyncio.run(migrate(settings.database_url, PACKAGE))
        case "relay":
            _relay(settings)
        case _:
            with exclusive(settings.database_url):
                serve(create_api(settings), host=settings.host, port=settings.port, unready_for=settings.unready_for)


def _relay(settings: BlocklistSettings) -> None:
    if settings.embedded:
        sys.exit("On SQLite the relay runs inside `api`: one file serves one process.")
    # Nobody sends to it, so it waits for nobody when it ends.
    serve(create_relay(settings), host=settings.host, port=settings.relay_port)


if __name__ == "__main__":
    main(sys.argv[1:])
