"""The service's settings."""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from services.blocklist.domain.limits import Limits
from services.blocklist.exports.addresses import DEFAULT_ADDRESSES, Addresses
from shared.db import sqlite_file
from shared.outbox.backlog import Bounds
from shared.settings import CommonSettings, DatabaseUrl, Environment, Port


class BlocklistSettings(CommonSettings):
    port: Port = Field(8000, validation_alias="BLOCKLIST_PORT")
    relay_port: Port = Field(8002, validation_alias="BLOCKLIST_RELAY_PORT")
    configured_database_url: DatabaseUrl | None = Field(None, validation_alias="BLOCKLIST_DATABASE_URL")

    mass_change_items: int = Field(10_000, ge=1, validation_alias="GEOWITHHOLD_MASS_CHANGE_ITEMS")
    velocity_items_per_hour: int = Field(0, ge=0, validation_alias="GEOWITHHOLD_VELOCITY_ITEMS_PER_HOUR")
    digest_seconds: float = Field(120, ge=0.1, le=1800, validation_alias="GEOWITHHOLD_DIGEST_SECONDS")
    digest_lag_seconds: float = Field(60, ge=0, le=1800, validation_alias="GEOWITHHOLD_DIGEST_LAG_SECONDS")
    backlog_soft: int = Field(500_000, ge=1, validation_alias="GEOWITHHOLD_BACKLOG_SOFT")
    backlog_hard: int = Field(2_000_000, ge=1, validation_alias="GEOWITHHOLD_BACKLOG_HARD")
    backlog_bulk_targets: int = Field(100, ge=0, validation_alias="GEOWITHHOLD_BACKLOG_BULK_TARGETS")
    idempotency_keep_hours: float = Field(720, validation_alias="GEOWITHHOLD_IDEMPOTENCY_KEEP_HOURS", ge=1, le=100_000)
    account_url: str = Field(DEFAULT_ADDRESSES.account, validation_alias="GEOWITHHOLD_PLATFORM_ACCOUNT_URL")
    post_url: str = Field(DEFAULT_ADDRESSES.post, validation_alias="GEOWITHHOLD_PLATFORM_POST_URL")
    hashtag_url: str = Field(DEFAULT_ADDRESSES.hashtag, validation_alias="GEOWITHHOLD_PLATFORM_HASHTAG_URL")

    appeals_contact: str | None = Field(None, validation_alias="GEOWITHHOLD_APPEALS_CONTACT", max_length=500)

    @model_validator(mode="after")
    def _addresses_have_their_place_for_the_id(self) -> Self:
        _ = self.addresses
        return self

    @model_validator(mode="after")
    def _the_soft_bound_comes_first(self) -> Self:
        if self.backlog_soft > self.backlog_hard:
            raise ValueError("GEOWITHHOLD_BACKLOG_SOFT: it is not above GEOWITHHOLD_BACKLOG_HARD")
        return self

    @model_validator(mode="after")
    def _production_runs_on_postgresql(self) -> Self:
        if self.environment is Environment.PRODUCTION and self.embedded:
            raise ValueError("BLOCKLIST_DATABASE_URL: production needs PostgreSQL")
        return self

    @property
    def bounds(self) -> Bounds:
        """How much may wait to be published before new blocks are refused."""
        return Bounds(soft=self.backlog_soft, hard=self.backlog_hard, bulk_targets=self.backlog_bulk_targets)

    @property
    def idempotency_keep(self) -> timedelta:
        """How long a request may be sent again under its key."""
        return timedelta(hours=self.idempotency_keep_hours)

    @property
    def limits(self) -> Limits:
        return Limits(mass_change=self.mass_change_items, per_hour=self.velocity_items_per_hour)

    @property
    def addresses(self) -> Addresses:
        """Where the platform shows its accounts, posts and hashtags. Raises ValueError for one without a place for the id."""
        return Addresses(account=self.account_url, post=self.post_url, hashtag=self.hashtag_url)

    @property
    def database_url(self) -> str:
        return self.configured_database_url or f"sqlite:///{self.var.absolute() / 'blocklist.sqlite3'}"

    @property
    def embedded(self) -> bool:
        """On SQLite one process does everything, the relay's work too."""
        return sqlite_file(self.database_url) is not None
