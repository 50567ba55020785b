"""The registry of regimes: which authorities may order what, on which legal basis, with which clocks and which exposure.

The regimes are data (`shared/regimes/*.toml`), one file per legal basis and one for the authorities. What is marked
`verified = false` there has not been confirmed in a primary text: show it as such, and let it neither be a default nor an alarm.

To add a regime, write `shared/regimes/<id>.toml` and its row in `tests/unit/registry/test_shipped.py`, and name the id in
`legal_bases` of the authorities that may cite it (`authorities.toml`); no code knows an id. To amend one, give the version in
force its `in_force_to` and add a `[[versions]]` table with the new `in_force_from`: what stands at the top of the file is common
to all versions, and a field of a version takes its place as a whole. An order is judged by the version of the day of its issue.
"""

from shared.registry.duty import Calendar, Duty, DutyKind, Trigger, after_working_time
from shared.registry.load import RegistryError, load_registry
from shared.registry.model import (
    Authority,
    AuthorityType,
    Element,
    IfMissing,
    Intake,
    Label,
    LegalBasis,
    Regime,
    Registry,
    Requirement,
    UserNotice,
    deadline,
)
from shared.registry.penalty import Penalty, exposure_text, money, per_day_text
from shared.registry.read import Problem

__all__ = [
    "Authority",
    "AuthorityType",
    "Calendar",
    "Duty",
    "DutyKind",
    "Element",
    "IfMissing",
    "Intake",
    "Label",
    "LegalBasis",
    "Penalty",
    "Problem",
    "Regime",
    "Registry",
    "RegistryError",
    "Requirement",
    "Trigger",
    "UserNotice",
    "after_working_time",
    "deadline",
    "exposure_text",
    "load_registry",
    "money",
    "per_day_text",
]
