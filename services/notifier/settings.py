"""The service's settings."""

import socket
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, FilePath, model_validator

from services.notifier.documents import Platform
from services.notifier.domain.subscription import MAILBOX
from shared.db import sqlite_file
from shared.http.fields import Line
from shared.settings import CommonSettings, DatabaseUrl, Environment, Port


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp:
    """The mail server. The password is read for each message, so that it can be changed under way."""

    host: str
    port: int
    sender: str
    username: str | None
    password_file: Path | None
    starttls: bool


class NotifierSettings(CommonSettings):
    """`instance` is who this process is among its kind: the same after a restart, so that Kafka knows it at once. A process that
    ends and does not come back under its name is missed after 30 s; one with no name (empty) hands its partitions on as it ends.

    After `stall_seconds` in which nothing came from Kafka though there is something, its consumer is built anew.
    """

    port: Port = Field(8001, validation_alias="NOTIFIER_PORT")
    configured_database_url: DatabaseUrl | None = Field(None, validation_alias="NOTIFIER_DATABASE_URL")
    blocklist_url: str = Field("http://127.0.0.1:8000", validation_alias="BLOCKLIST_URL", pattern="^https?://")
    instance: str = Field(default_factory=socket.gethostname, validation_alias="NOTIFIER_INSTANCE", pattern=r"^[\w.-]{0,200}$")
    stall_seconds: float = Field(30, validation_alias="NOTIFIER_STALL_SECONDS", ge=1, le=3600)
    release_within_seconds: int = Field(3600, validation_alias="GEOWITHHOLD_RELEASE_WITHIN_SECONDS", ge=1, le=365 * 24 * 3600)

    webhooks_allow_private: bool = Field(default=False, validation_alias="NOTIFIER_WEBHOOKS_ALLOW_PRIVATE")
    delivery_attempts: int = Field(24, validation_alias="NOTIFIER_DELIVERY_ATTEMPTS", ge=1, le=100)
    smtp_host: str | None = Field(None, validation_alias="NOTIFIER_SMTP_HOST", pattern=r"^[A-Za-z0-9.:-]{1,253}$")
    smtp_port: Port = Field(587, validation_alias="NOTIFIER_SMTP_PORT")
    smtp_from: str | None = Field(None, validation_alias="NOTIFIER_SMTP_FROM", pattern=MAILBOX)
    smtp_username: str | None = Field(None, validation_alias="NOTIFIER_SMTP_USERNAME")
    smtp_password_file: FilePath | None = Field(None, validation_alias="NOTIFIER_SMTP_PASSWORD_FILE")
    smtp_starttls: bool = Field(default=True, validation_alias="NOTIFIER_SMTP_STARTTLS")

    platform_contact: Line | None = Field(None, validation_alias="GEOWITHHOLD_PLATFORM_CONTACT")

    @model_validator(mode="after")
    def _webhooks_stay_outside_in_production(self) -> Self:
        if self.environment is Environment.PRODUCTION and self.webhooks_allow_private:
            raise ValueError("NOTIFIER_WEBHOOKS_ALLOW_PRIVATE: in production webhooks go to public addresses alone")
        return self

    @model_validator(mode="after")
    def _mail_is_configured_whole(self) -> Self:
        if self.smtp_host and not self.smtp_from:
            raise ValueError("NOTIFIER_SMTP_FROM: mail needs a sender")
        if (self.smtp_username is None) != (self.smtp_password_file is None):
            raise ValueError("NOTIFIER_SMTP_USERNAME and NOTIFIER_SMTP_PASSWORD_FILE: one needs the other")
        if self.smtp_username and not self.smtp_starttls:
            raise ValueError("NOTIFIER_SMTP_STARTTLS: a password is sent over an encrypted connection alone")
        return self

    @model_validator(mode="after")
    def _production_runs_on_postgresql(self) -> Self:
        if self.environment is Environment.PRODUCTION and self.embedded:
            raise ValueError("NOTIFIER_DATABASE_URL: production needs PostgreSQL")
        return self

    @property
    def release_within(self) -> timedelta:
        """Our own promise: how soon what nobody claims any more is withheld nowhere."""
        return timedelta(seconds=self.release_within_seconds)

    @property
    def smtp(self) -> Smtp | None:
        """The mail server; None if there is none, and then nobody can subscribe by mail."""
        if self.smtp_host is None or self.smtp_from is None:
            return None
        return Smtp(
            host=self.smtp_host,
            port=self.smtp_port,
            sender=self.smtp_from,
            username=self.smtp_username,
            password_file=self.smtp_password_file,
            starttls=self.smtp_starttls,
        )

    @property
    def database_url(self) -> str:
        return self.configured_database_url or f"sqlite:///{self.var.absolute() / 'notifier.sqlite3'}"

    @property
    def embedded(self) -> bool:
        """On SQLite one process does everything; on PostgreSQL there may be others to share the work with."""
        return sqlite_file(self.database_url) is not None

    @property
    def reply_as(self) -> Platform:
        """Who replies to authorities, as their documents name it."""
        return Platform(name=self.platform_name, contact=self.platform_contact)
