"""Who may see a sealed directive, and small counts.

Promises: while a key is set, whoever does not send it gets the same answer for a sealed directive as for one of which nothing has
been heard. It counts in figures all the same. Does not promise: anything while no key is set.
"""

from typing import Annotated

from fastapi import Depends, Request

from services.notifier import errors
from services.notifier.api.context import Context
from services.notifier.store import directives
from shared.http.keys import holds_key
from shared.ids import DirectiveId


def _sees_sealed(request: Request) -> bool:
    key: str | None = request.app.state.admin_key
    return holds_key(key, request.headers.get("authorization"))


SeesSealed = Annotated[bool, Depends(_sees_sealed)]


async def hide_sealed(directive_id: str, context: Context, sees_sealed: SeesSealed) -> None:
    """Guards routes that name a directive in their path."""
    if sees_sealed:
        return
    found = await context.ask(lambda unit: directives.find(unit.connection, DirectiveId(directive_id)))
    if found is not None and found.sealed:
        raise errors.unknown_directive(directive_id)
