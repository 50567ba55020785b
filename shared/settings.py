"""Settings come from the environment, once, typed. Wrong ones stop the start, all named at once."""

import re
import sys
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.clock import Clock, clock_from
from shared.engines import StoreLimits, driver_url
from shared.http.admission import Rooms
from shared.outbox.purge import Policy
from shared.targets import DEFAULT_PLATFORM, PlatformPatterns
from shared.topic_check import SAFE, Floor
from shared.topics import Topics

UNREADY_SECONDS = 5.0
"""In production. Whoever routes requests learns a little later that a process is unready."""


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


def _database_url(url: str) -> str:
    driver_url(url)
    return url


DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
Port = Annotated[int, Field(ge=1, le=65535)]


class CommonSettings(BaseSettings):
    """What both services read. Field names are ours, aliases are the environment's."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    environment: Environment = Field(Environment.DEVELOPMENT, validation_alias="GEOWITHHOLD_ENVIRONMENT")
    kafka_bootstrap_servers: str = Field("127.0.0.1:9092", validation_alias="KAFKA_BOOTSTRAP_SERVERS")
    topic_prefix: str = Field("geowithhold", validation_alias="GEOWITHHOLD_TOPIC_PREFIX", pattern=r"^[a-z0-9_-]{1,60}$")
    partitions: int = Field(6, validation_alias="GEOWITHHOLD_PARTITIONS", ge=1, le=1000)
    configured_replication: int | None = Field(None, validation_alias="GEOWITHHOLD_REPLICATION", ge=1, le=10)
    strict_topics: bool | None = Field(None, validation_alias="GEOWITHHOLD_STRICT_TOPICS")
    allow_weak_replication: bool = Field(default=False, validation_alias="GEOWITHHOLD_ALLOW_WEAK_REPLICATION")
    kafka_idle_pause_ms: int = Field(0, validation_alias="KAFKA_IDLE_PAUSE_MS", ge=0, le=1000)
    var: Path = Field(Path("var"), validation_alias="GEOWITHHOLD_VAR")
    clock_file: Path | None = Field(None, validation_alias="GEOWITHHOLD_CLOCK_FILE")
    database_connections: int = Field(20, validation_alias="GEOWITHHOLD_DATABASE_CONNECTIONS", ge=2, le=1000)
    database_wait_ms: int = Field(800, validation_alias="GEOWITHHOLD_DATABASE_WAIT_MS", ge=1, le=60_000)
    database_connect_seconds: float = Field(5, validation_alias="GEOWITHHOLD_DATABASE_CONNECT_SECONDS", gt=0, le=60)
    database_lock_seconds: float = Field(10, validation_alias="GEOWITHHOLD_DATABASE_LOCK_SECONDS", gt=0, le=600)
    database_statement_seconds: float = Field(60, validation_alias="GEOWITHHOLD_DATABASE_STATEMENT_SECONDS", gt=0, le=3600)
    database_report_seconds: float = Field(300, validation_alias="GEOWITHHOLD_DATABASE_REPORT_SECONDS", gt=0, le=3600)
    database_idle_seconds: float = Field(60, validation_alias="GEOWITHHOLD_DATABASE_IDLE_SECONDS", gt=0, le=3600)
    database_silence_seconds: float = Field(20, validation_alias="GEOWITHHOLD_DATABASE_SILENCE_SECONDS", ge=1, le=600)
    outbox_keep_hours: float = Field(168, validation_alias="GEOWITHHOLD_OUTBOX_KEEP_HOURS", gt=0, le=100_000)
    outbox_keep_at_most_hours: float = Field(720, validation_alias="GEOWITHHOLD_OUTBOX_KEEP_AT_MOST_HOURS", gt=0, le=100_000)
    log_level: str = Field("INFO", validation_alias="GEOWITHHOLD_LOG_LEVEL", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    host: str = Field("127.0.0.1", validation_alias="GEOWITHHOLD_HOST")
    unready_seconds: float | None = Field(None, validation_alias="GEOWITHHOLD_UNREADY_SECONDS", ge=0, le=15)
    admit_reads: int = Field(6, validation_alias="GEOWITHHOLD_ADMIT_READS", ge=1, le=1000)
    admit_writes: int = Field(6, validation_alias="GEOWITHHOLD_ADMIT_WRITES", ge=1, le=1000)
    admit_bulk: int = Field(2, validation_alias="GEOWITHHOLD_ADMIT_BULK", ge=1, le=1000)
    admit_urgent: int = Field(3, validation_alias="GEOWITHHOLD_ADMIT_URGENT", ge=1, le=1000)
    max_connections: int = Field(1000, validation_alias="GEOWITHHOLD_MAX_CONNECTIONS", ge=10, le=100_000)
    admin_key: SecretStr | None = Field(None, validation_alias="GEOWITHHOLD_ADMIN_KEY")
    platform_name: str = Field("X", validation_alias="GEOWITHHOLD_PLATFORM_NAME", min_length=1, max_length=200)
    platform_hosts: str = Field(" ".join(sorted(DEFAULT_PLATFORM.hosts)), validation_alias="GEOWITHHOLD_PLATFORM_HOSTS")
    platform_post: re.Pattern[str] = Field(DEFAULT_PLATFORM.post, validation_alias="GEOWITHHOLD_PLATFORM_POST_PATTERN")
    platform_account: re.Pattern[str] = Field(DEFAULT_PLATFORM.account, validation_alias="GEOWITHHOLD_PLATFORM_ACCOUNT_PATTERN")

    @model_validator(mode="after")
    def _production_runs_on_wall_time(self) -> Self:
        if self.environment is Environment.PRODUCTION and self.clock_file:
            raise ValueError("GEOWITHHOLD_CLOCK_FILE: production runs on wall time, a settable clock is for replays")
        return self

    @model_validator(mode="after")
    def _production_keeps_copies(self) -> Self:
        if self.replication < self.topic_floor.replication:
            raise ValueError(
                f"GEOWITHHOLD_REPLICATION: production keeps {SAFE.replication} copies of what is published; "
                "GEOWITHHOLD_ALLOW_WEAK_REPLICATION=true allows fewer"
            )
        return self

    @model_validator(mode="after")
    def _published_events_are_kept_at_most_as_long_as_their_limit(self) -> Self:
        if self.outbox_keep_hours > self.outbox_keep_at_most_hours:
            raise ValueError("GEOWITHHOLD_OUTBOX_KEEP_HOURS: longer than GEOWITHHOLD_OUTBOX_KEEP_AT_MOST_HOURS")
        return self

    @model_validator(mode="after")
    def _patterns_have_their_groups(self) -> Self:
        _ = self.platform
        return self

    @property
    def outbox_policy(self) -> Policy:
        """How long published events are kept."""
        return Policy(timedelta(hours=self.outbox_keep_hours), timedelta(hours=self.outbox_keep_at_most_hours))

    @property
    def key(self) -> str | None:
        """Who has it sees what is sealed, at either service."""
        return self.admin_key.get_secret_value() if self.admin_key else None

    @property
    def unready_for(self) -> float:
        """Seconds for which a process that was told to end goes on serving: so long requests may still be sent to it."""
        usual = UNREADY_SECONDS if self.environment is Environment.PRODUCTION else 0.0
        return usual if self.unready_seconds is None else self.unready_seconds

    @property
    def rooms(self) -> Rooms:
        """How many requests of each kind are worked on at once. Together they are fewer than the connections to the database."""
        return Rooms(read=self.admit_reads, write=self.admit_writes, bulk=self.admit_bulk, urgent=self.admit_urgent)

    @property
    def store_limits(self) -> StoreLimits:
        """How long the database may keep us waiting."""
        return StoreLimits(
            connections=self.database_connections,
            wait=self.database_wait_ms / 1000,
            connect=self.database_connect_seconds,
            lock=self.database_lock_seconds,
            statement=self.database_statement_seconds,
            report=self.database_report_seconds,
            idle=self.database_idle_seconds,
            silence=self.database_silence_seconds,
        )

    @property
    def replication(self) -> int:
        """How many copies of each topic's partitions there are: in production three, elsewhere one, unless somebody says else."""
        return self.configured_replication or (SAFE if self.environment is Environment.PRODUCTION else Floor()).replication

    @property
    def topics(self) -> Topics:
        return Topics(prefix=self.topic_prefix, partitions=self.partitions, replication=self.replication)

    @property
    def topics_must_be_right(self) -> bool:
        """Whether any setting of a topic that is not as the contract needs it refuses the start."""
        return self.environment is Environment.PRODUCTION if self.strict_topics is None else self.strict_topics

    @property
    def topic_floor(self) -> Floor:
        """What topics must have at the very least."""
        return SAFE if self.environment is Environment.PRODUCTION and not self.allow_weak_replication else Floor()

    @property
    def platform(self) -> PlatformPatterns:
        """Which URLs are the platform's own accounts and posts. Raises ValueError for a pattern without its group."""
        return PlatformPatterns(
            hosts=frozenset(self.platform_hosts.lower().split()),
            post=self.platform_post,
            account=self.platform_account,
            reserved=DEFAULT_PLATFORM.reserved,
        )

    @property
    def clock(self) -> Clock:
        return clock_from(self.clock_file)


S = TypeVar("S", bound=CommonSettings)


def load_settings(kind: type[S]) -> S:
    """Reads the environment, or ends the process with every wrong setting named."""
    try:
        return kind()
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, fault['loc'])) or 'settings'}: {fault['msg']}" for fault in error.errors()]
        sys.exit("These settings are wrong:\n" + "\n".join(lines))
