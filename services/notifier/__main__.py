"""`python -m services.notifier run|migrate`"""

import argparse
import asyncio
import sys

from services.notifier.app import PACKAGE, create_app
from services.notifier.settings import NotifierSettings
from shared.db import exclusive
from shared.logs import configure_logs
from shared.migrations import migrate
from shared.serve import serve
from shared.settings import load_settings
from shared.store_start import require_fit
from shared.topic_guard import refuse_wrong_topics


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m services.notifier", description="The notifier service.")
    parser.add_argument("role", choices=["run", "migrate"], help="what this process does")
    role = parser.parse_args(argv).role
    settings = load_settings(NotifierSettings)
    configure_logs(service=f"notifier-{role}", level=settings.log_level)
    require_fit(settings.database_url, settings.store_limits)
    if role == "migrate":
        asyncio.run(migrate(settings.database_url, PACKAGE))
        return
    with exclusive(settings.database_url):
        refuse_wrong_topics(settings)
        serve(create_app(settings), settings, port=settings.port)


if __name__ == "__main__":
    main(sys.argv[1:])
