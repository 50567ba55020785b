"""Replies for which no regime of the registry prescribes a form."""

from services.notifier.documents.model import Document, Dossier
from services.notifier.documents.parts import (
    ELEMENTS,
    effect,
    fields,
    head,
    instant,
    items,
    maybe,
    notes,
    number_of,
    place_list,
    references,
    word,
    written,
)

CAUSES = {
    "force_majeure": "force majeure, or an impossibility in fact that the provider is not responsible for",
    "manifest_errors": "manifest errors in the order",
    "insufficient_information": "information that the order lacks",
}
"""Why something is impossible, in words."""


def effect_report(dossier: Dossier) -> Document:
    found = effect(dossier.lines)
    return head(dossier, form="general", title="Report on the effect given to an order") | {
        "statement": [given(found)],
        "fields": fields(*references(dossier), ("Ordered for", place_list(dossier.directive.jurisdictions))),
        "effect": found,
        "items": items(dossier.lines),
        "notes": notes(dossier),
    }


def impossibility(dossier: Dossier) -> Document:
    reply = dossier.reply
    statement = f"The order cannot be carried out at present. Cause: {CAUSES.get(reply.cause or '', 'not stated')}."
    ended = [f"The impediment ended on {written(reply.impediment_ended_at)}."] if reply.impediment_ended_at else []
    return head(dossier, form="general", title="Notice that an order cannot be carried out") | {
        "statement": [statement, *ended, *missing(dossier)],
        "fields": fields(*references(dossier)),
        "cause": reply.cause,
        "impediment_ended_at": maybe(reply.impediment_ended_at),
        "missing": list(dossier.missing),
        "notes": notes(dossier, "The explanation stands in the reply that was sent, not in this document."),
    }


def clarification_request(dossier: Dossier) -> Document:
    asked = missing(dossier) or ["What has to be made clear stands in the reply that was sent."]
    return head(dossier, form="general", title="Request for clarification") | {
        "statement": ["The order cannot be judged, or carried out, before it is made clear.", *asked],
        "fields": fields(*references(dossier)),
        "missing": list(dossier.missing),
        "notes": notes(dossier),
    }


def acknowledgement(dossier: Dossier) -> Document:
    directive = dossier.directive
    count = number_of(directive.counts.total, "item")
    received = [
        {
            "id": notice.id,
            "kind": notice.kind,
            "provision": notice.provision,
            "received_at": instant(notice.received_at),
        }
        for notice in dossier.notices
    ]
    about = [f"A notice ({word(notice.kind)}) was received on {written(notice.received_at)}." for notice in dossier.notices]
    return head(dossier, form="general", title="Acknowledgement of receipt") | {
        "statement": [f"The order, of {count}, was received on {written(directive.received_at)}.", *about],
        "fields": fields(*references(dossier)),
        "received_at": instant(directive.received_at),
        "notices": received,
        "notes": notes(dossier, "An acknowledgement says that the order was received, not that it will be carried out."),
    }


def dialogue_request(dossier: Dossier) -> Document:
    found = effect(dossier.lines)
    return head(dossier, form="general", title="Request for dialogue") | {
        "statement": ["The provider asks the authority for a formal dialogue about this order.", given(found)],
        "fields": fields(*references(dossier)),
        "effect": found,
        "notes": notes(dossier),
    }


def given(found: Document) -> str:
    """What was done, in one sentence."""
    last = f", the last on {_written(found['last_given_at'])}" if found["last_given_at"] else ""
    parts = [
        f"{found[name]} {words}"
        for name, words in (
            ("decided_not_yet_applied", "decided and not yet applied"),
            ("refused", "refused"),
            ("not_located", "not located"),
            ("undecided", "not yet decided"),
            ("suspended", "suspended by a stay"),
            ("ended", "ended since"),
            ("withdrawn", "withdrawn"),
        )
        if found[name]
    ]
    rest = f" Of the others: {', '.join(parts)}." if parts else ""
    return f"Effect was given to {found['effect_given']} of {number_of(found['specified'], 'item')}{last}.{rest}"


def missing(dossier: Dossier) -> list[str]:
    """The elements that are needed, in words."""
    return [f"Needed: {ELEMENTS.get(element, word(element))}." for element in dossier.missing]


def _written(stamp: str) -> str:
    return f"{stamp[:10]} {stamp[11:19]} UTC"
