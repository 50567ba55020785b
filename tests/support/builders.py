"""Values for tests. A call names what matters to its test; everything else has one plain default."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.blocklist.domain.causes import Cause
from services.blocklist.domain.directive import Directive, DirectiveStatus, NewDirective
from services.blocklist.domain.item import Claim, Item, ItemState, Standing
from services.blocklist.domain.tally import Tally
from services.blocklist.domain.withholding import Withholding, WithholdingState
from shared.ids import DirectiveId, Jurisdiction, Key, Target

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
"""Now, in tests that have a clock of their own."""

IN, PB, PK, XX = (Jurisdiction(code) for code in ("IN", "IN-PB", "PK", "XX"))


def target(name: str = "acct_1") -> Target:
    return Target(f"account:{name}")


def directive_id(number: int) -> DirectiveId:
    return DirectiveId(f"dir_{number:032x}")


def make_item(
    state: ItemState = ItemState.UNDECIDED,
    claims: Mapping[Jurisdiction, Claim] | None = None,
    *,
    cause: Cause | None = None,
    ground: str | None = None,
    of: Target | None = None,
    stayed: bool = False,
) -> Item:
    return Item(target=of or target(), state=state, cause=cause, ground=ground, claims=claims or {}, stayed=stayed)


def live(*places: Jurisdiction) -> dict[Jurisdiction, Claim]:
    return dict.fromkeys(places, Standing.LIVE)


ITEMS: Mapping[ItemState, Item] = {
    ItemState.UNDECIDED: make_item(),
    ItemState.REFUSED: make_item(ItemState.REFUSED, ground="news_media"),
    ItemState.NOT_LOCATED: make_item(ItemState.NOT_LOCATED),
    ItemState.COMPLIED: make_item(ItemState.COMPLIED, live(IN)),
    ItemState.RELEASED: make_item(ItemState.RELEASED, {IN: Cause.PLATFORM_DECISION}, cause=Cause.PLATFORM_DECISION),
    ItemState.ENDED: make_item(ItemState.ENDED, {IN: Cause.RESCINDED}, cause=Cause.RESCINDED),
    ItemState.WITHDRAWN: make_item(ItemState.WITHDRAWN),
}
"""One typical item in each state."""


def make_withholding(
    key: Key,
    *claimants: DirectiveId,
    version: int = 1,
    state: WithholdingState | None = None,
    cause: Cause | None = None,
    at: datetime = NOON,
) -> Withholding:
    """Withheld by its claimants; without any, released."""
    known = state or (WithholdingState.WITHHELD if claimants else WithholdingState.RELEASED)
    return Withholding(
        key=key,
        version=version,
        state=known,
        cause=cause if cause or known is WithholdingState.WITHHELD else Cause.RESCINDED,
        claimants=frozenset(claimants),
        directives=tuple(sorted(claimants)),
        effective_at=at,
        due_at=None,
        label="legal_demand",
    )


def make_directive(number: int = 1, *, status: DirectiveStatus = DirectiveStatus.IN_FORCE, revision: int = 1) -> Directive:
    return Directive(
        id=directive_id(number),
        status=status,
        authority="in-meity",
        reference=f"reference {number}",
        legal_basis="in-it-act-69a",
        label="legal_demand",
        interim=False,
        scope=(IN,),
        issued_at=NOON,
        received_at=NOON,
        due_at=None,
        expires_at=None,
        confirmed_at=None,
        revision=revision,
        tally=Tally({"undecided": 1}),
    )


def make_order(number: int = 1, *targets: Target, scope: tuple[Jurisdiction, ...] = (IN,), **changes: Any) -> NewDirective:
    """An order as admission hands it to `submit`, to be decided later unless `comply_at_intake` says otherwise."""
    values: dict[str, Any] = {
        "id": directive_id(number),
        "authority": "in-meity",
        "reference": f"reference {number}",
        "legal_basis": "in-it-act-69a",
        "kind": "block",
        "issued_at": NOON,
        "received_at": NOON,
        "requested_jurisdictions": scope,
        "scope": scope,
        "targets": {named: [named] for named in targets or (target(),)},
        "reason": None,
        "due_at": None,
        "expires_at": None,
        "supplements": None,
        "document": None,
        "label": "legal_demand",
        "comply_at_intake": False,
        "interim": False,
    }
    return NewDirective(**{**values, **changes})


def order_json(*targets: Any, **changes: Any) -> dict[str, Any]:
    """The body of `POST /v1/directives`: an emergency order, complied with at intake. A change to None leaves the field out."""
    body = {
        "authority": "in-meity",
        "reference": "14(1)/2021-ES",
        "legal_basis": "in-it-act-69a-emergency",
        "kind": "block",
        "issued_at": "2021-01-31T06:00:00Z",
        "received_at": "2021-01-31T07:10:00Z",
        "jurisdictions": ["IN"],
        "targets": list(targets) or ["@acct_1"],
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def later_json(*targets: Any, **changes: Any) -> dict[str, Any]:
    """Like `order_json`, under the basis whose orders are decided item by item."""
    return order_json(*targets, **{"legal_basis": "in-it-act-69a", "reference": "second", **changes})


def tco_json(*targets: Any, **changes: Any) -> dict[str, Any]:
    """A removal order of the European Union, issued when that law was in force."""
    order = {
        "authority": "eu-tco-authority",
        "legal_basis": "eu-tco",
        "reference": "tco",
        "issued_at": "2022-07-01T06:00:00Z",
        "received_at": "2022-07-01T07:10:00Z",
        "jurisdictions": ["DE"],
    }
    return order_json(*targets, **{**order, **changes})
