"""From a legal basis to exposure: what the registry says, about one directive."""

from dataclasses import dataclass
from datetime import datetime

from shared.registry import Registry, exposure_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What the legal basis threatens for what is unmet; never a sum that nobody has stated."""

    legal_basis: str
    maximum: str | None
    provision: str | None
    imprisonment_years_max: int | None
    unmet_items: int
    verified: bool
    source: str | None


def exposure(legal_basis: str, issued_at: datetime, unmet_items: int, registry: Registry) -> Exposure:
    """What the version in force at issue threatens, by its first penalty."""
    basis = registry.basis(legal_basis, issued_at)
    penalty = next(iter(basis.penalties), None) if basis else None
    return Exposure(
        legal_basis=legal_basis,
        maximum=exposure_text(penalty) if penalty else None,
        provision=penalty.provision if penalty else None,
        imprisonment_years_max=penalty.imprisonment_years_max if penalty else None,
        unmet_items=unmet_items,
        verified=penalty.verified if penalty else False,
        source=penalty.source if penalty else None,
    )
