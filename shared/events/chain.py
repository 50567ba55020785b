"""The rolling hash of a lane: two who have the same digest at the same sequence have seen the same events in the same order.

`after` is D_n = SHA-256(D_{n-1} ‖ SHA-256(key ‖ 0x00 ‖ value)), from 32 zero bytes on; a tombstone counts as an empty value.
"""

from hashlib import sha256

from shared.events.wire import Record

BEGINNING = bytes(32)

MARK_EVERY = 100
"""The digest at each multiple of this sequence is kept for a while, so that who is further along can still compare."""


def after(digest: bytes, record: Record) -> bytes:
    """The digest after one more event."""
    return sha256(digest + sha256(record.key + b"\x00" + (record.value or b"")).digest()).digest()
