"""The service's settings."""

import socket
from typing import Self

from pydantic import Field, model_validator

from shared.db import sqlite_file
from shared.settings import CommonSettings, DatabaseUrl, Environment, Port


class NotifierSettings(CommonSettings):
    """`instance` is who this process is among its kind: the same after a restart, so that Kafka knows it at once."""

    port: Port = Field(8001, validation_alias="NOTIFIER_PORT")
    configured_database_url: DatabaseUrl | None = Field(None, validation_alias="NOTIFIER_DATABASE_URL")
    blocklist_url: str = Field("http://127.0.0.1:8000", validation_alias="BLOCKLIST_URL", pattern="^https?://")
    instance: str = Field(default_factory=socket.gethostname, validation_alias="NOTIFIER_INSTANCE", pattern=r"^[\w.-]{1,200}$")

    @model_validator(mode="after")
    def _production_runs_on_postgresql(self) -> Self:
        if self.environment is Environment.PRODUCTION and self.embedded:
            raise ValueError("NOTIFIER_DATABASE_URL: production needs PostgreSQL")
        return self

    @property
    def database_url(self) -> str:
        return self.configured_database_url or f"sqlite:///{self.var.absolute() / 'notifier.sqlite3'}"

    @property
    def embedded(self) -> bool:
        """On SQLite one process does everything; on PostgreSQL there may be others to share the work with."""
        return sqlite_file(self.database_url) is not None
