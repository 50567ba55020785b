from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

import shared.events
from shared.events import (
    FENCE,
    MAX_VALUE_BYTES,
    TYPE_OF,
    TYPES,
    DecodeError,
    Headers,
    Payload,
    Position,
    Record,
    chain,
    decode,
    encode,
    fence,
    is_fence,
    placed,
    position_of,
)
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
    modules = {"cases", "chain", "checkpoints", "compliance", "fields", "payloads", "wire"}
    assert sorted(shared.events.__all__) == sorted({name for name in vars(shared.events) if name[0] != "_"} - modules)


def test_a_position_is_added_and_read_and_changes_nothing_else() -> None:
    content, headers = record()
    made = Record(b"k", content, tuple(headers))

    sent = placed(made, Position(epoch=2, sequence=17))

    assert (sent.key, sent.value, sent.headers[: len(made.headers)]) == (made.key, made.value, made.headers)
    assert position_of(sent.headers) == Position(2, 17)
    assert decode(sent.value, sent.headers) == decode(made.value, made.headers)


@pytest.mark.parametrize(
    ("sequence", "epoch"), [(b"0", b"1"), (b"1", b"0"), (b"-1", b"1"), (b"x", b"1"), (b"", b"1"), (b"9" * 16, b"1")]
)
def test_a_position_that_makes_no_sense_is_none(sequence: bytes, epoch: bytes) -> None:
    assert position_of([("ce_sequence", sequence), ("ce_epoch", epoch)]) is None
    assert position_of([("ce_sequence", b"1")]) is None


def test_the_rolling_hash_tells_order_content_and_key_apart() -> None:
    records = [
        Record(b"a", b"1", ()),
        Record(b"a", b"2", ()),
        Record(b"b", b"1", ()),
        Record(b"a1", b"", ()),
        Record(b"a", None, ()),
    ]

    digests = {chain.after(chain.after(chain.BEGINNING, first), second) for first in records for second in records}

    assert len(digests) == len(records) ** 2
    assert chain.after(chain.BEGINNING, records[0]).hex() == (sha256(bytes(32) + sha256(b"a\x001").digest()).hexdigest())


def test_a_header_without_a_value_says_nothing() -> None:
    with pytest.raises(DecodeError, match="ce_specversion"):
        decode(b"{}", [("ce_specversion", None), ("ce_type", None)])
    assert position_of([("ce_sequence", None), ("ce_epoch", b"1")]) is None


def test_a_fence_says_nothing_but_its_position() -> None:
    made = fence("/test")
    sent = placed(made, Position(epoch=3, sequence=9))

    assert is_fence(made)
    assert is_fence(sent)
    assert (sent.key, sent.value, position_of(sent.headers)) == (FENCE, None, Position(3, 9))
    assert not is_fence(Record(FENCE, b"{}", ()))
    assert not is_fence(Record(b"IN/account:a", None, ()))
