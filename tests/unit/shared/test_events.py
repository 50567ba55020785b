from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

import shared.events
from shared.events import MAX_VALUE_BYTES, TYPE_OF, TYPES, DecodeError, Headers, Payload, decode, encode
from tests.support.events import EXAMPLES, any_event

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def record(changed: Mapping[str, bytes | None] | None = None) -> tuple[bytes, Headers]:
    """Value and headers of one event; a header is changed, or left out for None."""
    made = encode(next(iter(EXAMPLES.values())), id="1", source="/s", subject="k", time=NOW)
    headers = {**dict(made.headers), **(changed or {})}
    return made.value or b"", tuple((name, value) for name, value in headers.items() if value is not None)


@given(any_event, st.text(st.characters(codec="utf-8"), min_size=1), st.datetimes(timezones=st.just(UTC)))
def test_what_was_encoded_is_decoded_to_the_same(event: Payload, subject: str, time: datetime) -> None:
    made = encode(event, id="id", source="/s", subject=subject, time=time)

    envelope = decode(made.value, made.headers)

    assert (envelope.data, envelope.subject, envelope.time) == (event, subject, time)
    assert (envelope.type, made.key) == (TYPE_OF[type(event)], subject.encode())


@given(st.binary(max_size=300), st.lists(st.tuples(st.sampled_from(["ce_type", "ce_id", "x"]), st.binary(max_size=20))))
def test_whatever_else_is_on_a_topic_is_a_decode_error(value: bytes, headers: list[tuple[str, bytes]]) -> None:
    _, good = record()

    with pytest.raises(DecodeError):
        decode(value, [*good, *headers])


@pytest.mark.parametrize("header", ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time"])
@pytest.mark.parametrize("value", [None, b""])
def test_a_header_that_is_missing_or_empty_is_named(header: str, value: bytes | None) -> None:
    content, headers = record({header: value})

    with pytest.raises(DecodeError, match=header):
        decode(content, headers)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("ce_specversion", b"0.3"),
        ("ce_specversion", b"2.0"),
        ("ce_type", b"org.geowithhold.withholding.changed.v2"),
        ("ce_type", b"org.geowithhold.withholding.vanished.v1"),
        ("ce_type", b"com.example.other"),
        ("ce_id", b"\xff"),
        ("ce_time", b"yesterday"),
        ("ce_time", b"2026-03-01T12:00:00"),
        ("ce_time", b"1772366400"),
    ],
)
def test_a_header_that_we_do_not_understand_is_never_guessed_at(header: str, value: bytes) -> None:
    content, headers = record({header: value})

    with pytest.raises(DecodeError):
        decode(content, headers)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"version":2', b'"version":0'),
        (b'"version":2', b'"version":9007199254740993'),
        (b'"version":2', b'"version":"2"'),
        (b'"version":2', b'"version":2.5'),
        (b'"version":2', b'"version":NaN'),
        (b'"state":"released"', b'"state":"gone"'),
        (b'"jurisdiction":"IN"', b'"jurisdiction":"in"'),
        (b'"jurisdiction":"IN"', b'"jurisdiction":"EU/x"'),
        (b'"target_type":"hashtag"', b'"target_type":"user"'),
        (b'"target":"hashtag:', b'"target":"user:'),
        (b"250000Z", b"250000"),
        (b'"label":"legal_demand"', b'"label":null'),
        (b'"label":"legal_demand"', b'"label":"\xff"'),
        (b'"label":"legal_demand"', b'"label":"\\ud800"'),
        (b'"due_at":null,', b""),
        (b"}", b""),
    ],
)
def test_data_that_does_not_fit_its_type_is_refused(old: bytes, new: bytes) -> None:
    content, headers = record()
    assert old in content

    with pytest.raises(DecodeError):
        decode(content.replace(old, new), headers)


def test_a_tombstone_carries_no_event() -> None:
    with pytest.raises(DecodeError, match="tombstone"):
        decode(None, record()[1])


def test_a_value_over_the_limit_is_not_even_read() -> None:
    with pytest.raises(DecodeError, match=str(MAX_VALUE_BYTES)):
        decode(b" " * (MAX_VALUE_BYTES + 1), record()[1])


def test_a_value_nested_to_the_limit_is_refused_and_nothing_worse() -> None:
    content, headers = record()
    depth = (MAX_VALUE_BYTES - len(content)) // 2 - 20
    deep = content[:-1] + b',"added":' + b"[" * depth + b"]" * depth + b"}"

    with pytest.raises(DecodeError):
        decode(deep, headers)


def test_every_type_is_named_once_and_all_that_is_exported_exists() -> None:
    assert {name: kind for kind, name in TYPE_OF.items()} == TYPES
    assert sorted(shared.events.__all__) == sorted(
        {name for name in vars(shared.events) if not name.startswith("_")} - {"cases", "compliance", "fields", "payloads", "wire"}
    )
