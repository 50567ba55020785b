"""Which requests must get through when there is more to do than can be done: what releases, what stops, and emergencies.

Of a directive only its body tells: an `unblock`, or an order that is complied with as it arrives. One with a body above the limit
of bulk is taken for bulk, whatever it says: ask for some thousands of releases in several requests, or by `rescind`.
"""

import re

import msgspec

from shared.http.admission import Rules
from shared.registry import Registry
from shared.registry.model import Intake

_READS = re.compile(r"(GET|HEAD|OPTIONS) .*|POST /v1/withholdings/check")
_URGENT = re.compile(
    r"POST /v1/(releases|directives/[^/]+/(rescind|quash|stay)|batches/[^/]+/undo|appeals/[^/]+/outcome|publishing/(stop|resume))"
)
_DIRECTIVES = re.compile(r"POST /v1/directives")


class _Order(msgspec.Struct):
    """As much of an order as says whether it can wait."""

    kind: str = ""
    legal_basis: str = ""


_decode = msgspec.json.Decoder(_Order).decode


def rules(registry: Registry) -> Rules:
    at_once = frozenset(
        basis.id for basis in registry.legal_bases.values() if any(version.intake is Intake.COMPLY for version in basis.versions)
    )

    def is_urgent(body: bytes) -> bool:
        try:
            order = _decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        return order.kind == "unblock" or order.legal_basis in at_once

    return Rules(reads=_READS, urgent=_URGENT, looked_into=_DIRECTIVES, is_urgent=is_urgent)
