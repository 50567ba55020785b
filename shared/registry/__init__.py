"""The registry of regimes: which authorities may order what, on which legal basis, with which clocks and which exposure.

The regimes are data (`shared/regimes/*.toml`), one file per legal basis and one for the authorities. What is marked
`verified = false` there has not been confirmed in a primary text: show it as such, and let it neither be a default nor an alarm.
"""

from shared.registry.load import RegistryError, load_registry
from shared.registry.model import (
    Authority,
    Duty,
    DutyKind,
    Intake,
    Label,
    LegalBasis,
    Penalty,
    Registry,
    Trigger,
    deadline,
    exposure_text,
)
from shared.registry.read import Problem

__all__ = [
    "Authority",
    "Duty",
    "DutyKind",
    "Intake",
    "Label",
    "LegalBasis",
    "Penalty",
    "Problem",
    "Registry",
    "RegistryError",
    "Trigger",
    "deadline",
    "exposure_text",
    "load_registry",
]
