"""BackupRefused
├── NotBackedUp     the database cannot be backed up as it is
├── NotRestorable   the file is no whole backup, or not one for this service and release
└── Occupied        the database is in use, or holds something that nobody said may go
"""


class BackupRefused(Exception):
    """Says what stands in the way. Nothing was changed."""


class NotBackedUp(BackupRefused):
    pass


class NotRestorable(BackupRefused):
    pass


class Occupied(BackupRefused):
    pass
