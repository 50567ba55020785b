"""Every event type and version that was ever published, as it stands on a topic, is read for ever.

The files are only added to. One that does not pass any more means that a record on somebody's topic cannot be read any more.
A type to which fields were added has a further file for each later form, `<type>+2.json` and so on.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event

from shared.events import TYPE_OF, TYPES, Envelope, Headers, Payload, Record, decode, encode
from tests.support.events import EXAMPLES, LATER

GOLDEN = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted((Path(__file__).parent / "golden").glob("*.json"))}


def headers_of(golden: dict[str, Any]) -> Headers:
    return tuple((name, value.encode()) for name, value in golden["headers"].items())


def value_of(golden: dict[str, Any]) -> bytes:
    return json.dumps(golden["data"], ensure_ascii=False, separators=(",", ":")).encode()


FORMS: dict[str, Payload] = {TYPE_OF[kind]: example for kind, example in EXAMPLES.items()} | dict(LATER)
"""What each golden file says."""

PRESENT = sorted(name for name in FORMS if f"{name.partition('+')[0]}+2" not in LATER or "+" in name)
"""The forms that are written now."""


def type_of(name: str) -> str:
    return name.partition("+")[0]


def read(name: str) -> Envelope:
    return decode(value_of(GOLDEN[name]), headers_of(GOLDEN[name]))


def test_every_type_has_a_golden_record() -> None:
    assert set(GOLDEN) == set(FORMS)
    assert {type_of(name) for name in PRESENT} == set(TYPES)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_golden_record_is_read_into_its_attributes(name: str) -> None:
    envelope, headers = read(name), GOLDEN[name]["headers"]

    assert (envelope.type, envelope.id, envelope.source, envelope.subject) == (
        type_of(name),
        headers["ce_id"],
        headers["ce_source"],
        headers["ce_subject"],
    )
    assert envelope.time.isoformat().replace("+00:00", "Z") == headers["ce_time"]


@pytest.mark.parametrize("name", GOLDEN)
def test_a_golden_record_says_what_it_always_said(name: str) -> None:
    assert read(name).data == FORMS[name]


@pytest.mark.parametrize("name", PRESENT)
def test_a_golden_record_is_written_again_to_the_same_bytes(name: str) -> None:
    envelope, golden = read(name), GOLDEN[name]

    record = encode(envelope.data, id=envelope.id, source=envelope.source, subject=envelope.subject, time=envelope.time)

    assert record == Record(golden["key"].encode(), value_of(golden), headers_of(golden))


@pytest.mark.parametrize("name", GOLDEN)
def test_the_cloudevents_sdk_reads_the_same_from_a_golden_record(name: str) -> None:
    golden, ours = GOLDEN[name], read(name)

    event = from_binary_event(KafkaMessage(headers=dict(headers_of(golden)), key=golden["key"], value=value_of(golden)))

    assert (event.get_id(), event.get_type(), event.get_source(), event.get_subject(), event.get_time()) == (
        ours.id,
        ours.type,
        ours.source,
        ours.subject,
        ours.time,
    )
    assert (event.get_specversion(), event.get_datacontenttype()) == ("1.0", "application/json")
    assert event.get_dataschema() == f"urn:geowithhold:schema:{type_of(name)}"
    assert event.get_data() == golden["data"]


@pytest.mark.parametrize("name", GOLDEN)
def test_a_reader_skips_fields_that_were_added_later(name: str) -> None:
    newer = {**GOLDEN[name], "data": {**GOLDEN[name]["data"], "added_later": {"deep": [1]}}}

    assert decode(value_of(newer), headers_of(newer)).data == read(name).data
