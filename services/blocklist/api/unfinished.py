"""Routes of the contract whose feature does not exist yet. They say so with 501 and are never taken for granted."""

from typing import NoReturn

from fastapi import APIRouter, Request

from shared.http.problems import Kind, Refusal

router = APIRouter(prefix="/v1", tags=["not there yet"])


async def not_there_yet(request: Request) -> NoReturn:
    """Part of the contract, answered with 501 until it exists."""
    raise Refusal(Kind.NOT_IMPLEMENTED, f"{request.method} {request.url.path} is part of the contract, and not there yet")


_POST = ("/directives/import",)
_GET = ("/imports/{import_id}", "/imports/{import_id}/events", "/imports/{import_id}/errors")

for _path in _POST:
    router.add_api_route(_path, not_there_yet, methods=["POST"], status_code=501, response_model=None)
for _path in _GET:
    router.add_api_route(_path, not_there_yet, methods=["GET"], status_code=501, response_model=None)
