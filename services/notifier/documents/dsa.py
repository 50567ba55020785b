"""The report of Article 9(1) of the Digital Services Act: any effect given, if and when."""

from collections.abc import Sequence

from services.notifier.documents.general import given
from services.notifier.documents.model import Document, Dossier
from services.notifier.documents.parts import effect, fields, head, items, notes, place_list, references


def effect_report(dossier: Dossier) -> Document:
    found = effect(dossier.lines)
    ordered = list(dossier.directive.jurisdictions)
    applied = sorted({place for line in dossier.lines if line.given for place in line.places})
    return head(dossier, form="eu-dsa-art9-1", title="Effect given to an order, Article 9(1) of Regulation (EU) 2022/2065") | {
        "statement": [given(found), *_narrower(ordered, applied)],
        "fields": fields(
            *references(dossier),
            ("Territorial scope of the order", place_list(ordered)),
            ("Territorial scope of the effect", place_list(applied)),
        ),
        "territorial_scope": {"ordered": ordered, "applied": applied},
        "effect": found,
        "items": items(dossier.lines),
        "notes": notes(dossier, "Effect is given when the last system that has to apply a restriction has reported that it did."),
    }


def _narrower(ordered: Sequence[str], applied: Sequence[str]) -> list[str]:
    left = [place for place in ordered if place not in applied]
    return [f"No effect in: {place_list(left)}."] if applied and left else []
