"""What a set of keys at their versions comes to, as one number that does not depend on the order in which they are taken.

Promises: equal sets have equal digests; sets that differ in a key, a version or a state have different ones, but for a chance of
about 2 to the minus 128 where nobody chooses the keys for that.
Does not promise: anything against somebody who searches for keys that cancel each other out, or about what is not hashed: causes,
directives and times of a version.
Would break it: another separator, byte order or number of bytes. What is published is compared by other releases, too.
"""

from dataclasses import dataclass
from hashlib import sha256

_BYTES = 16
_MODULUS = 1 << (8 * _BYTES)

WITHHELD = "withheld"


@dataclass(slots=True)
class Digest:
    """The sum of the hashes of all keys that were added, and how many there were."""

    keys: int = 0
    withheld: int = 0
    total: int = 0

    def add(self, key: str, version: int, state: str) -> None:
        """Each key is added once."""
        self.keys += 1
        self.withheld += state == WITHHELD
        self.total = (self.total + entry(key, version, state)) % _MODULUS

    @property
    def hex(self) -> str:
        return self.total.to_bytes(_BYTES, "big").hex()


def entry(key: str, version: int, state: str) -> int:
    """What one key adds: the first bytes of SHA-256(key 0x00 version 0x00 state), as a number."""
    hashed = sha256(b"\x00".join((key.encode(), b"%d" % version, state.encode()))).digest()
    return int.from_bytes(hashed[:_BYTES], "big")
