"""What refreshing the reference data of a session would ask the vendor, from what is stored; makes no call.

Asking belongs in `adapters.securities.symbol_master` and `adapters.securities.etf_profile_loader`.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.ledger.units import units_done
from tickstock_dagster.adapters.securities.listing_store import lists_observed
from tickstock_dagster.adapters.securities.symbol_details import SymbolDetails
from tickstock_dagster.adapters.securities.symbol_store import symbols_listed
from tickstock_dagster.adapters.sources.protocol import ReferenceSource
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit

PAGE = 1_000
"""Securities in one page of a ticker list."""


@dataclass(frozen=True, slots=True)
class ReferenceForecast:
    """The calls of one refresh.

    Attributes:
        session: of the refresh.
        list_calls: about how many pages the ticker list has; 0 where it is stored, None where no list is.
        details_due: symbols of the newest stored list whose details are due; None where no list is stored.
        details_calls: how many of them are asked for now, one call each; at most so many where that is not known.
        details_seconds: the least time of these calls at the plan's rate, seconds.
        profile_calls: about how many calls ETF profiles take; 0 where they are stored, or the source has none.
    """

    session: date
    list_calls: int | None
    details_due: int | None
    details_calls: int
    details_seconds: float
    profile_calls: int

    def words(self) -> str:
        """One line for people."""
        listed = "some" if self.list_calls is None else "no" if self.list_calls == 0 else f"about {self.list_calls:,}"
        due = "one call for each new symbol" if self.details_due is None else f"{self.details_due:,} due"
        most = "at most " if self.details_due is None or self.list_calls else ""
        profiles = f"about {self.profile_calls}" if self.profile_calls else "no"
        time = f", {self.details_seconds / 60:,.1f} minutes at least" if self.details_seconds >= 1 else ""
        return (
            f"Calls for {self.session}: {listed} for the ticker list (one for {PAGE:,} securities), {most}"
            f"{self.details_calls:,} for details ({due}{time}), {profiles} for ETF profiles"
        )

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "session": self.session,
            "list_calls": self.list_calls,
            "details_due": self.details_due,
            "details_calls": self.details_calls,
            "details_minutes_at_least": round(self.details_seconds / 60, 2),
            "profile_calls": self.profile_calls,
        }


def forecast_refresh(
    context: LoadContext[ReferenceSource], session: date, *, details_limit: int | None = None
) -> ReferenceForecast:
    """What a refresh of a session would ask for.

    Args:
        context: source and store.
        session: a closed one.
        details_limit: at most this many details; None: as many as the plan allows in half an hour.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    engine, market, source = context.engine, context.market, context.source
    known = [day for day in lists_observed(engine, market, source.name) if day <= session]
    nearest = known[-1] if known else None
    symbols = len(symbols_listed(engine, nearest)) if nearest else 0
    pages: int | None = -(-symbols // PAGE) if nearest else None
    details = SymbolDetails(context)
    plan = details.plan(nearest or session, limit=details_limit)
    unit = WorkUnit(UnitKind.ETF_PROFILES, market, source.name, "*", session, session)
    asks = source.capabilities.etf_profiles and not units_done(engine, [unit])
    return ReferenceForecast(
        session=session,
        list_calls=0 if nearest == session and symbols else pages,
        details_due=plan.due if nearest else None,
        details_calls=plan.calls if nearest else details.most(details_limit),
        details_seconds=plan.seconds,
        profile_calls=3 if asks else 0,
    )
