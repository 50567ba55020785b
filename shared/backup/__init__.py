"""A database as one file, and back: the same form for SQLite and PostgreSQL, so that a backup of one restores on the other."""

from shared.backup.archive import Archive
from shared.backup.dump import back_up
from shared.backup.errors import BackupRefused, NotBackedUp, NotRestorable, Occupied
from shared.backup.load import Place, restoring
from shared.backup.manifest import Manifest

__all__ = ["Archive", "BackupRefused", "Manifest", "NotBackedUp", "NotRestorable", "Occupied", "Place", "back_up", "restoring"]
