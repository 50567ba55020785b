"""Notices, replies and appeals that were published, without the words that were not."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.domain.appeal import AppealState
from services.blocklist.handlers.forward.cases import Told
from services.blocklist.handlers.forward.report import Report
from services.blocklist.store import appeals, cases
from shared.events import DirectiveAppealed, DirectiveNoticed, DirectiveReplied

UNKNOWN_TEXT = "(lost: this text was never published)"


async def bring_correspondence(connection: AsyncConnection, told: Sequence[Told], report: Report) -> None:
    for each in told:
        match each.event:
            case DirectiveNoticed() as event:
                if not await cases.has_notice(connection, event.notice):
                    await cases.add_notice(connection, _notice(event))
                    report.count("notices")
            case DirectiveReplied() as event:
                if not await cases.has_reply(connection, event.reply):
                    await cases.add_reply(connection, _reply(event))
                    report.count("replies")
            case DirectiveAppealed() as event:
                await _appeal(connection, event, each, report)
            case _:
                continue


def _notice(event: DirectiveNoticed) -> dict[str, Any]:
    return {
        "id": event.notice,
        "directive": event.directive,
        "kind": event.kind,
        "issued_at": event.notice_received_at,
        "received_at": event.notice_received_at,
        "provision": event.provision,
        "text": None,
        "due_at": event.notice_due_at,
        "elements": dict.fromkeys(event.supplied, UNKNOWN_TEXT) or None,
    }


def _reply(event: DirectiveReplied) -> dict[str, Any]:
    return {
        "id": event.reply,
        "directive": event.directive,
        "kind": event.kind,
        "text": None,
        "sent_at": event.sent_at,
        "cause": event.cause,
        "impediment_ended_at": event.impediment_ended_at,
    }


async def _appeal(connection: AsyncConnection, event: DirectiveAppealed, told: Told, report: Report) -> None:
    known = await appeals.find(connection, event.appeal)
    if known is None:
        received = {"id": event.appeal, "directive": event.directive, "target": event.target, "text": UNKNOWN_TEXT}
        await appeals.add(connection, {**received, "received_at": told.at, "state": AppealState.RECEIVED})
        report.count("appeals")
    if event.outcome and (known is None or known["state"] == AppealState.RECEIVED):
        await appeals.conclude(connection, event.appeal, {"state": AppealState(event.outcome), "concluded_at": told.at})
