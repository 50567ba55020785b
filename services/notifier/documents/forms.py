"""Which form a reply takes: by what it says, and by the law that it answers to."""

from collections.abc import Callable, Mapping

from services.notifier.documents import dsa, general, india, tco
from services.notifier.documents.model import Document, Dossier

Form = Callable[[Dossier], Document]

GENERAL: Mapping[str, Form] = {
    "effect_report": general.effect_report,
    "impossibility": general.impossibility,
    "clarification_request": general.clarification_request,
    "acknowledgement": general.acknowledgement,
    "dialogue_request": general.dialogue_request,
}
"""The form of each kind of reply where no law prescribes another."""

PRESCRIBED: Mapping[tuple[str, str], Form] = {
    ("eu-dsa-art9", "effect_report"): dsa.effect_report,
    ("eu-tco", "effect_report"): tco.feedback,
    ("eu-tco", "impossibility"): tco.impossibility,
    ("in-it-", "effect_report"): india.effect_report,
}
"""By the beginning of the id of the legal basis, and the kind of reply."""


def document_of(dossier: Dossier) -> Document:
    """The document of the reply. A kind that nobody here knows is acknowledged to have been sent, and no more."""
    kind = dossier.reply.kind
    for (basis, of_kind), form in PRESCRIBED.items():
        if of_kind == kind and dossier.law.id.startswith(basis):
            return form(dossier)
    return GENERAL.get(kind, general.acknowledgement)(dossier)
