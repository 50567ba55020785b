"""The forms of Regulation (EU) 2021/784: feedback (Annex II) and impossibility (Annex III).

What the Annexes ask for is known from general knowledge; their wording has not been confirmed in the primary text, and each
document says so.
"""

from services.notifier.documents.general import CAUSES, given, missing
from services.notifier.documents.model import Document, Dossier
from services.notifier.documents.parts import (
    effect,
    fields,
    head,
    items,
    maybe,
    notes,
    place_list,
    references,
    written,
)
from services.notifier.domain.outcomes import Line
from shared.ids import WORLDWIDE
from shared.jurisdictions import GROUPS

UNVERIFIED = "The fields follow Annex {} of Regulation (EU) 2021/784 from general knowledge; its wording was not confirmed."


def feedback(dossier: Dossier) -> Document:
    """Annex II: access was disabled in all Member States, or where it was not."""
    found = effect(dossier.lines)
    given_lines = [line for line in dossier.lines if line.given]
    left_out = sorted({place for line in given_lines for place in _left_out(line)})
    everywhere = bool(given_lines) and not left_out and len(given_lines) == len(dossier.lines)
    action_at = max((line.at for line in given_lines if line.at), default=None)
    return head(dossier, form="eu-tco-annex-ii", title="Feedback on a removal order, Annex II of Regulation (EU) 2021/784") | {
        "statement": [given(found), *_states(left_out)],
        "fields": fields(
            ("Addressee", dossier.platform.name),
            *references(dossier),
            ("Content removed", "no: access is disabled, the content is kept"),
            ("Access disabled in all Member States", "yes" if everywhere else "not for all items"),
            ("Time and date of the action", written(action_at)),
            *signature(dossier),
        ),
        "feedback": {
            "removed": False,
            "disabled_in_all_member_states": everywhere,
            "member_states_left_out": left_out,
            "action_at": maybe(action_at),
        },
        "effect": found,
        "items": items(dossier.lines),
        "notes": notes(dossier, UNVERIFIED.format("II")),
    }


def impossibility(dossier: Dossier) -> Document:
    """Annex III: why the order cannot be carried out, and what is needed."""
    reply = dossier.reply
    needed = missing(dossier)
    ended = reply.impediment_ended_at
    return head(
        dossier,
        form="eu-tco-annex-iii",
        title="Impossibility to carry out a removal order, Annex III of Regulation (EU) 2021/784",
    ) | {
        "statement": [f"The removal order cannot be carried out. Cause: {CAUSES.get(reply.cause or '', 'not stated')}.", *needed],
        "fields": fields(
            ("Addressee", dossier.platform.name),
            *references(dossier),
            *((f"Cause: {text}", "yes" if name == reply.cause else "no") for name, text in CAUSES.items()),
            ("Impediment ended on", written(ended) or "not ended"),
            *signature(dossier),
        ),
        "cause": reply.cause,
        "explanation": None,
        "clarification_needed": list(dossier.missing),
        "impediment_ended_at": maybe(ended),
        "notes": notes(
            dossier, UNVERIFIED.format("III"), "The explanation stands in the reply that was sent, not in this document."
        ),
    }


def signature(dossier: Dossier) -> list[tuple[str, str | None]]:
    return [
        ("Provider or representative", dossier.platform.name),
        ("Contact", dossier.platform.contact),
        ("Date", written(dossier.reply.sent_at)),
    ]


def _states(left_out: list[str]) -> list[str]:
    return [f"Of the items to which effect was given some are not disabled in: {place_list(left_out)}."] if left_out else []


def _left_out(line: Line) -> set[str]:
    return set() if WORLDWIDE in line.places else set(GROUPS["EU"]) - set(line.places)
