"""Routes of the contract whose feature does not exist yet. They say so with 501 and are never taken for granted."""

from typing import NoReturn

from fastapi import APIRouter, Request

from shared.http.problems import Kind, Refusal

router = APIRouter(prefix="/v1/subscriptions", tags=["not there yet"])


async def not_there_yet(request: Request) -> NoReturn:
    """Part of the contract, answered with 501 until it exists."""
    raise Refusal(Kind.NOT_IMPLEMENTED, f"{request.method} {request.url.path} is part of the contract, and not there yet")


for _path, _method in (
    ("/{subscription_id}", "PUT"),
    ("/{subscription_id}", "GET"),
    ("/{subscription_id}/deliveries", "GET"),
):
    router.add_api_route(_path, not_there_yet, methods=[_method], status_code=501, response_model=None)
