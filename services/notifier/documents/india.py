"""The reply to a direction under India's Information Technology Act: what was withheld within India, and what was not."""

from services.notifier.documents.general import given
from services.notifier.documents.model import Document, Dossier, Received
from services.notifier.documents.parts import (
    by_word,
    effect,
    fields,
    head,
    instant,
    items,
    notes,
    number_of,
    references,
    word,
    written,
)
from services.notifier.domain.outcomes import Line, Outcome

INDIA = "IN"


def effect_report(dossier: Dossier) -> Document:
    found = effect(dossier.lines)
    within = sum(line.given and _within_india(line) for line in dossier.lines)
    grounds = by_word(line.ground or "not_stated" for line in dossier.lines if line.outcome is Outcome.REFUSED)
    dialogue = [each.sent_at for each in dossier.earlier if each.kind == "dialogue_request"]
    return head(dossier, form="in-it-act-reply", title="Reply to a direction to block public access") | {
        "statement": [
            f"{number_of(within, 'item')} withheld, within India only.",
            *_not_withheld(grounds),
            given(found),
            *(f"The provider asked for a formal dialogue on {written(at)}." for at in dialogue),
        ],
        "fields": fields(
            *references(dossier),
            ("Provision and rule", dossier.law.section),
            ("Items directed", str(found["specified"])),
            ("Withheld, within India only", str(within)),
            ("Notices received", "; ".join(map(_notice, dossier.notices)) or "none"),
        ),
        "withheld_within_india_only": within,
        "not_withheld": {
            "refused_by_ground": grounds,
            "not_located": found["not_located"],
            "undecided": found["undecided"],
            "decided_not_yet_applied": found["decided_not_yet_applied"],
            "ended_by_cause": found["ended_by_cause"],
        },
        "dialogue_requested_at": [instant(at) for at in dialogue],
        "effect": found,
        "items": items(dossier.lines),
        "notes": notes(dossier, "Items are withheld in the jurisdictions named beside them and nowhere else."),
    }


def _within_india(line: Line) -> bool:
    return bool(line.places) and all(place == INDIA or place.startswith(f"{INDIA}-") for place in line.places)


def _not_withheld(grounds: dict[str, int]) -> list[str]:
    listed = ", ".join(f"{word(ground)} {count}" for ground, count in grounds.items())
    return [f"Not withheld, by ground: {listed}."] if listed else []


def _notice(notice: Received) -> str:
    cited = f" ({notice.provision})" if notice.provision else ""
    return f"{word(notice.kind)}{cited}, {written(notice.received_at)}"
