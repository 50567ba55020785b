"""Alembic's entry point for this service's database."""

from alembic import context

from services.notifier.tables import metadata
from shared.migrations import run_in

run_in(context.config, metadata)
