"""The registries that orders are judged by: who may order, and under which law."""

from typing import Any

import msgspec
from fastapi import APIRouter

from services.blocklist.api.context import Context

router = APIRouter(prefix="/v1", tags=["registries"])


@router.get("/legal-bases")
async def list_legal_bases(context: Context) -> dict[str, Any]:
    """Every legal basis with its clocks, penalty and source, and whether each was verified."""
    bases = sorted(context.registry.legal_bases.values(), key=lambda basis: basis.id)
    return {"items": [msgspec.to_builtins(basis) for basis in bases], "next": None}


@router.get("/authorities")
async def list_authorities(context: Context) -> dict[str, Any]:
    """Every authority, its jurisdiction and the legal bases it may cite."""
    authorities = sorted(context.registry.authorities.values(), key=lambda authority: authority.id)
    return {"items": [msgspec.to_builtins(authority) for authority in authorities], "next": None}
