"""Changes of withholdings, saying only what matters to the test."""

from datetime import UTC, datetime
from typing import Literal

from shared.events import WithholdingChanged
from shared.ids import DirectiveId, Jurisdiction, Target, type_of

State = Literal["withheld", "released"]


def change(target: str, version: int, state: State = "withheld", *, jurisdiction: str = "IN") -> WithholdingChanged:
    return WithholdingChanged(
        target=Target(target),
        target_type=type_of(Target(target)),
        jurisdiction=Jurisdiction(jurisdiction),
        state=state,
        version=version,
        cause=None if state == "withheld" else "error",
        directives=(DirectiveId("dir_1"),),
        effective_at=datetime(2021, 2, 1, tzinfo=UTC),
        due_at=None,
        label="legal_demand",
    )
