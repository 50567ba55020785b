"""Penalties: what a provision threatens, in figures and in words. Never what anyone owes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from shared.registry.table import Currency, Fault, Minor, Percent, Table, Text, Years

_DECIMALS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""The currencies to which ISO 4217 gives another number of decimals than two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalty(Table):
    """What a provision threatens. `fine` is the fine in words; the amounts are there only if the provision states them.

    `at_risk` are roles, such as the provider or its officers. `per_day_minor` accrues on each day that the breach goes on.
    `measures` is what else is threatened, such as a loss of safe harbour or the blocking of the service.
    """

    provision: Text
    at_risk: Annotated[tuple[Text, ...], Meta(min_length=1)]
    verified: bool
    source: Text
    imprisonment_years_max: Years | None = None
    fine: Text | None = None
    fine_max_minor: Minor | None = None
    currency: Currency | None = None
    per_day_minor: Minor | None = None
    turnover_percent_max: Percent | None = None
    measures: Text | None = None

    def faults(self) -> Iterator[Fault]:
        amounts = {"fine_max_minor": self.fine_max_minor, "per_day_minor": self.per_day_minor}
        named = [name for name, amount in amounts.items() if amount is not None]
        if self.currency is None:
            yield from ((name, "an amount without a currency; name it in currency, as an ISO 4217 code") for name in named)
        elif not named:
            yield "currency", "a currency without an amount; write fine_max_minor or per_day_minor"
        if not (named or self.fine or self.imprisonment_years_max or self.turnover_percent_max or self.measures):
            needed = "imprisonment_years_max, fine, fine_max_minor, per_day_minor, turnover_percent_max or measures"
            yield "fine", f"a penalty needs {needed}"


def exposure_text(penalty: Penalty) -> str:
    """What is threatened, in words: "imprisonment up to 7 years and fine". A penalty that is not verified says so."""
    return " and ".join(_threats(penalty)) + ("" if penalty.verified else " (unverified)")


def per_day_text(penalty: Penalty) -> str | None:
    """What accrues per day, in words: "SGD 100,000 per day". None if the provision states no such sum."""
    if penalty.per_day_minor is None or penalty.currency is None:
        return None
    return f"{money(penalty.per_day_minor, penalty.currency)} per day"


def money(minor: int, currency: str) -> str:
    """An amount as people write it: 10000050 SGD is "SGD 100,000.50"."""
    decimals = _DECIMALS.get(currency, 2)
    whole, rest = divmod(minor, 10**decimals)
    return f"{currency} {whole:,}" + (f".{rest:0{decimals}}" if rest else "")


def _threats(penalty: Penalty) -> Iterator[str]:
    if penalty.imprisonment_years_max is not None:
        yield f"imprisonment up to {_years(penalty.imprisonment_years_max)}"
    if penalty.turnover_percent_max is not None:
        yield f"fine up to {penalty.turnover_percent_max} % of turnover"
    if penalty.fine is not None:
        yield penalty.fine
    elif penalty.fine_max_minor is not None and penalty.currency is not None:
        yield f"fine up to {money(penalty.fine_max_minor, penalty.currency)}"
    if text := per_day_text(penalty):
        yield text
    if penalty.measures is not None:
        yield penalty.measures


def _years(number: int) -> str:
    return "1 year" if number == 1 else f"{number} years"
