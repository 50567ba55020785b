"""Who may see a sealed directive.

Promises: while a key is set, whoever does not send it gets the same answers as if there were no such directive: not found under
its own path, absent from lists. The key is compared in constant time. Sealed directives count in counts and metrics all the same.
Does not promise: anything while no key is set; then the operator API is open, as it is for every other directive.
"""

from typing import Annotated

from fastapi import Depends, Request

from services.blocklist.api.context import Context, Services
from services.blocklist.errors import unknown_directive
from services.blocklist.store import directives
from shared.http.keys import holds_key
from shared.http.problems import Kind, Refusal, invalid
from shared.ids import DirectiveId


def _sees_sealed(request: Request, context: Context) -> bool:
    return holds_key(context.admin_key, request.headers.get("authorization"))


SeesSealed = Annotated[bool, Depends(_sees_sealed)]
"""Whether the request may see sealed directives; lists leave them out otherwise."""


async def hide_sealed(request: Request, context: Context, sees_sealed: SeesSealed) -> None:
    """Guards every route that names a directive in its path."""
    named = request.path_params.get("directive_id")
    if named is not None:
        await require_visible(context, DirectiveId(named), sees_sealed=sees_sealed)


async def require_key(sees_sealed: SeesSealed) -> None:
    """Guards every route that tells of sealed directives like of others, or is for who runs the service."""
    if not sees_sealed:
        raise Refusal(Kind.KEY_REQUIRED, "send the admin key as a bearer token")


async def require_visible(
    context: Services, directive: DirectiveId, *, sees_sealed: bool, refusal: Refusal | None = None
) -> None:
    """Raises `refusal`, or says that there is no such directive, if it is sealed and the request may not see it."""
    if sees_sealed:
        return
    if await context.database.read(lambda connection: directives.is_sealed(connection, directive)):
        raise refusal or unknown_directive(directive)


async def require_named_visible(
    context: Services, named: DirectiveId | None, pointer: str, *, authority: str, sees_sealed: bool
) -> None:
    """Raises what is said of a directive that the authority never issued, if a body names a sealed one unseen by the request."""
    if named:
        refusal = invalid(f"{authority} has issued no directive {named!r}", pointer)
        await require_visible(context, named, sees_sealed=sees_sealed, refusal=refusal)
