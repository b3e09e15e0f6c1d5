"""Which daily facts about funds are wanted, by the switches of their types, and how urgent they are.

Asking for them and storing them belongs in `adapters.valuation.fund_facts`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tickstock_dagster.core.priority import Priority
from tickstock_dagster.core.securities.equity_types import Enrichment, EquityType


class FundFact(StrEnum):
    """A kind of daily fact about funds. The values stand as subjects in the ledger."""

    NAVS = "navs"
    SECTORS = "sectors"

    def is_wanted(self, switches: Enrichment) -> bool:
        """Whether a type's switches ask for it: premiums need net asset values, too."""
        if self is FundFact.NAVS:
            return switches.nav_calculation or switches.premium_discount
        return switches.sector_allocation


@dataclass(frozen=True, slots=True)
class Wanted:
    """A fact, the types whose funds it is stored for, and the priority of the most urgent of them."""

    fact: FundFact
    types: tuple[str, ...]
    priority: Priority


def wanted_facts(types: Iterable[EquityType]) -> tuple[Wanted, ...]:
    """What the types' switches ask for; a fact that none asks for is left out."""
    known, found = list(types), []
    for fact in FundFact:
        asking = [one for one in known if fact.is_wanted(one.processing_rules.enrichment)]
        if asking:
            priority = min((one.priority for one in asking), key=lambda one: one.level)
            found.append(Wanted(fact, tuple(sorted(one.equity_type for one in asking)), priority))
    return tuple(found)
