"""The relay's port on SQLite and PostgreSQL."""

from shared.outbox.sql.store import SqlRelayStore
from shared.outbox.sql.tables import Permission, RelayTables, always

__all__ = ["Permission", "RelayTables", "SqlRelayStore", "always"]
