"""The registries that orders are judged by: who may order, and under which law."""

from typing import Any

import msgspec
from fastapi import APIRouter

from services.blocklist.api.context import Context
from shared.registry import Regime

router = APIRouter(prefix="/v1", tags=["registries"])


@router.get("/legal-bases")
async def list_legal_bases(context: Context) -> dict[str, Any]:
    """Every legal basis with its clocks, penalties and sources, and whether each was verified.

    The fields are those of its latest version; `versions` has them all, in the order of their dates. `penalty` is the first of
    the penalties.
    """
    regimes = sorted(context.registry.legal_bases.values(), key=lambda regime: regime.id)
    return {"items": [_shown(regime) for regime in regimes], "next": None}


@router.get("/authorities")
async def list_authorities(context: Context) -> dict[str, Any]:
    """Every authority, its jurisdiction and the legal bases it may cite."""
    authorities = sorted(context.registry.authorities.values(), key=lambda authority: authority.id)
    return {"items": [msgspec.to_builtins(authority) for authority in authorities], "next": None}


def _shown(regime: Regime) -> dict[str, Any]:
    versions = [msgspec.to_builtins(version) for version in regime.versions]
    latest = versions[-1]
    return {**latest, "penalty": next(iter(latest["penalties"]), None), "versions": versions}
