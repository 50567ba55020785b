"""Whether a PostgreSQL server can be trusted with what is accepted.

Promises: each finding names the setting, what it is, and what to do. One that may heal (a standby that is promoted) is waited
for; one that somebody has to mend (commits that do not reach the disk) ends the start.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

OLDEST = 140000
"""The first version that notices the end of a client for which it works (`client_connection_check_interval`)."""

SETTINGS = """
    SELECT name, setting, source FROM pg_settings
     WHERE name IN ('server_version_num', 'in_hot_standby', 'default_transaction_read_only', 'fsync', 'full_page_writes',
                    'data_sync_retry', 'synchronous_commit', 'synchronous_standby_names')
"""
"""What `judge` judges. Asked in a session of the service's own, so that what a role or a database overrides is seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with a server, and what is to be done about it."""

    setting: str
    found: str
    remedy: str
    heals: bool = False

    def __str__(self) -> str:
        return f"{self.setting} is {self.found}: {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    value: str
    source: str

    def __str__(self) -> str:
        return f"{self.value} ({self.source})"


_Settings = Mapping[str, _Setting]


def judge(rows: Iterable[Any]) -> list[Finding]:
    """What is wrong, from the rows of `SETTINGS`. A setting that this server does not know is no finding."""
    settings = {name: _Setting(value=value, source=source) for name, value, source in rows}
    return [rule.finding(settings) for rule in _RULES if rule.broken(settings)]


def pooled() -> Finding:
    """Somebody hands the same session of the server to several clients in turn."""
    remedy = "LISTEN, session locks and prepared statements need a session of their own; connect directly, or pool by session"
    return Finding(setting="the connection", found="shared by a transaction pooler", remedy=remedy)


def unsettled() -> Finding:
    """Somebody refuses, or drops, what a session asks to hold for itself."""
    remedy = "without lock_timeout and the like a wait may never end; connect directly, or let the pooler pass them on"
    return Finding(setting="the connection", found="without the settings that it was opened with", remedy=remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    setting: str
    broken: Callable[[_Settings], bool]
    remedy: str
    heals: bool = False

    def finding(self, settings: _Settings) -> Finding:
        return Finding(setting=self.setting, found=str(settings[self.setting]), remedy=self.remedy, heals=self.heals)


def _is(setting: str, value: str) -> Callable[[_Settings], bool]:
    return lambda settings: setting in settings and settings[setting].value == value


def _forgets_commits(settings: _Settings) -> bool:
    """`off` loses acknowledged commits in a crash; `local` and `remote_write` lose them in a failover, if there is a standby."""
    commit, standbys = settings["synchronous_commit"].value, settings["synchronous_standby_names"].value
    return commit == "off" or (commit in {"local", "remote_write"} and standbys != "")


_RULES = (
    _Rule(
        setting="server_version_num",
        broken=lambda settings: int(settings["server_version_num"].value) < OLDEST,
        remedy="PostgreSQL 14 or newer is needed",
    ),
    _Rule(setting="fsync", broken=_is("fsync", "off"), remedy="a crash of the machine loses what was accepted; set fsync = on"),
    _Rule(
        setting="full_page_writes",
        broken=_is("full_page_writes", "off"),
        remedy="a crash of the machine can tear pages; set full_page_writes = on",
    ),
    _Rule(
        setting="data_sync_retry",
        broken=_is("data_sync_retry", "on"),
        remedy="an fsync that failed must end the server, not be tried again; set data_sync_retry = off",
    ),
    _Rule(
        setting="synchronous_commit",
        broken=_forgets_commits,
        remedy="a crash loses what was accepted; set it to on or remote_apply, where it is configured and for role and database "
        "(ALTER ROLE … RESET synchronous_commit, ALTER DATABASE … RESET synchronous_commit)",
    ),
    _Rule(
        setting="in_hot_standby",
        broken=_is("in_hot_standby", "on"),
        remedy="this is a standby; name the primary, or several hosts with target_session_attrs=read-write",
        heals=True,
    ),
    _Rule(
        setting="default_transaction_read_only",
        broken=_is("default_transaction_read_only", "on"),
        remedy="nothing can be written; set it to off",
        heals=True,
    ),
)
