"""What a later release writes: further fields of a version that we know are read past, a later version is nothing we know."""

from typing import Any

import pytest

from shared.events import DecodeError, decode
from tests.contract.test_golden_events import GOLDEN, headers_of, read, value_of

pytestmark = pytest.mark.fault(30)


def widened(value: dict[str, Any]) -> dict[str, Any]:
    return value | {"of_a_later_release": {"nested": [1, None, "x"]}}


@pytest.mark.parametrize("name", GOLDEN)
def test_a_field_of_a_later_minor_version_is_read_past(name: str) -> None:
    golden = GOLDEN[name]
    later = value_of({**golden, "data": widened(golden["data"])})
    headers = (*headers_of(golden), ("ce_of_a_later_release", b"x"), ("another", b"\xff"))

    assert decode(later, headers) == read(name)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_later_major_version_is_not_guessed_at(name: str) -> None:
    golden = GOLDEN[name]
    kind = golden["headers"]["ce_type"]
    later = kind.removesuffix(".v1") + ".v2"
    headers = headers_of({"headers": {**golden["headers"], "ce_type": later}})

    with pytest.raises(DecodeError, match=f"unknown event type or version '{later}'"):
        decode(value_of(golden), headers)
