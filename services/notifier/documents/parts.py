"""The parts that documents share: who writes to whom about what, what was done about each item, and how instants are written."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from services.notifier.documents.model import Document, Dossier
from services.notifier.domain.case import OFFICIAL
from services.notifier.domain.outcomes import Line, Outcome
from shared.jurisdictions import GROUPS

MOST_ITEMS = 50_000
"""A document lists so many items at most; its figures are of all."""

NO_TEXTS = "The text of the order and the text of this reply are not part of this document."

ELEMENTS = {
    "statement_of_reasons": "a statement of reasons that cites the provisions",
    "provision": "the provision that the order is based on",
    "redress": "the redress that is open to the provider and to the recipient",
    "language": "the elements of the order in a language that was declared",
    "document": "the order itself, as a document",
    "exact_location": "the exact place of each item, and more to locate it where that is needed",
    "issuing_officer": "the officer who issued the order",
    "contact": "how the authority can be reached",
    "feedback_contact": "to whom feedback is to be sent",
    "signature": "the signature or stamp of the authority",
    "date_and_time": "the date and time of issue",
    "source_of_illegality": "the law or the court order that makes the items illegal",
}


def head(dossier: Dossier, *, form: str, title: str) -> Document:
    """Who writes to whom about what."""
    directive, reply = dossier.directive, dossier.reply
    return {
        "form": form,
        "title": title,
        "language": "en",
        "reply": {"id": reply.id, "kind": reply.kind, "sent_at": instant(reply.sent_at)},
        "from": {"name": dossier.platform.name, "contact": dossier.platform.contact},
        "to": {"authority": dossier.authority.id, "name": dossier.authority.name},
        "directive": {
            "id": directive.id,
            "reference": directive.reference,
            "kind": directive.kind,
            "channel": directive.channel,
            "legal_basis": dossier.law.id,
            "instrument": dossier.law.instrument,
            "section": dossier.law.section,
            "issued_at": instant(directive.issued_at),
            "received_at": instant(directive.received_at),
            "jurisdictions": list(directive.jurisdictions),
            "status": directive.status,
        },
        "as_of": instant(dossier.as_of),
    }


def notes(dossier: Dossier, *more: str) -> list[str]:
    """What a reader must know to read the document right."""
    found = [*more, NO_TEXTS]
    if dossier.directive.channel != OFFICIAL:
        found.append("The request came outside the official way. It is answered without being taken for an order.")
    if dossier.directive.sealed:
        found.append("The order is sealed: this document is for the authority that issued it alone.")
    if len(dossier.lines) > MOST_ITEMS:
        found.append(f"Of {len(dossier.lines)} items the first {MOST_ITEMS} are listed; the figures are of all.")
    return found


def items(lines: Sequence[Line]) -> list[Document]:
    """Each item: whether effect was given to it, and when."""
    return [
        {
            "target": line.target,
            "effect_given": line.given,
            "outcome": line.outcome.value,
            "when": maybe(line.at),
            "territorial_scope": list(line.places),
            "ground": line.ground,
            "cause": line.cause,
        }
        for line in lines[:MOST_ITEMS]
    ]


def effect(lines: Sequence[Line]) -> Document:
    """The items in figures, and the first and the last instant at which effect was given."""
    count = Counter(line.outcome for line in lines)
    instants = [line.at for line in lines if line.given and line.at]
    return {
        "specified": len(lines),
        **{outcome.value: count[outcome] for outcome in Outcome},
        "refused_by_ground": by_word(line.ground or "not_stated" for line in lines if line.outcome is Outcome.REFUSED),
        "ended_by_cause": by_word(line.cause or "not_stated" for line in lines if line.outcome is Outcome.ENDED),
        "first_given_at": maybe(min(instants, default=None)),
        "last_given_at": maybe(max(instants, default=None)),
    }


def by_word(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def fields(*rows: tuple[str, str | None]) -> list[Document]:
    """What a printed form shows line by line; what nobody recorded is said to be so."""
    return [{"label": label, "value": value or "not recorded"} for label, value in rows]


def references(dossier: Dossier) -> list[tuple[str, str | None]]:
    return [
        ("Authority", dossier.authority.name),
        ("Reference of the authority", dossier.directive.reference),
        ("Reference of the provider", dossier.directive.id),
        ("Time and date of receipt", written(dossier.directive.received_at)),
    ]


def place_list(places: Iterable[str]) -> str:
    """Places as people write them: all members of a group by its name."""
    named = list(places)
    group = next((name for name, members in GROUPS.items() if set(named) == set(members)), None)
    return group or ", ".join(named) or "none"


def word(name: str | None) -> str:
    """A word of ours as people write it."""
    return (name or "not stated").replace("_", " ")


def number_of(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def maybe(at: datetime | None) -> str | None:
    return None if at is None else instant(at)


def written(at: datetime | None) -> str | None:
    """An instant for people: to the second, and which time it is."""
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
