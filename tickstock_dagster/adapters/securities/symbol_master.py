"""The symbol master of a session: its list in versions, its symbols by class, and the details that are due.

With what refreshing a session's reference data would ask the vendor, from what is stored.

Reading and writing belong in `adapters.securities.symbol_store`, asking for details in
`adapters.securities.symbol_details`.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.ledger.queue import Enqueued
from tickstock_dagster.adapters.ledger.units import units_done
from tickstock_dagster.adapters.securities.listing_store import lists_observed
from tickstock_dagster.adapters.securities.listing_sync import ListingSync
from tickstock_dagster.adapters.securities.symbol_details import DetailsPlan, DetailsResult, SymbolDetails
from tickstock_dagster.adapters.securities.symbol_store import ListedSymbol, symbols_listed
from tickstock_dagster.adapters.sources.protocol import NotEntitledError, ReferenceSource
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster.core.loading.queueing import QueueBounds
from tickstock_dagster.core.securities.equity_classes import equity_class
from tickstock_dagster.core.securities.symbol_versions import VersionChanges


@dataclass(frozen=True, slots=True)
class SymbolReport:
    """What one session's list and details changed.

    Attributes:
        by_class: listed symbols by `EquityClass`, test issues and warrants included.
        changes: what the list changed; empty where it was stored before.
        fetched: whether the list was asked for.
        details_left: symbols still due after this run.
        failures: details that failed, one line each.
        no_details: why none were asked for; None where they were.
    """

    session: date
    by_class: dict[str, int]
    preview: tuple[ListedSymbol, ...]
    changes: VersionChanges
    fetched: bool
    details_done: int
    details_unknown: int
    details_left: int
    failures: tuple[str, ...]
    calls: int
    no_details: str | None = None

    @property
    def listed(self) -> int:
        """Symbols on the list."""
        return sum(self.by_class.values())


class SymbolMaster:
    """Keeps symbol facts of one source up to date, session by session; asks for `workers` details side by side."""

    def __init__(self, context: LoadContext[ReferenceSource], workers: int = 8) -> None:
        self._context = context
        self._details = SymbolDetails(context, workers)

    def sync(self, session: date, *, details_limit: int | None = None) -> SymbolReport:
        """Store the session's list, unless it is stored, and ask for details that are due.

        Args:
            session: the session.
            details_limit: at most this many details; None: as many as the plan allows in half an hour.

        Raises:
            VendorError: the list is missing or broken, or the key may not ask; what was stored stays.
            ServiceUnavailableError: the database cannot be reached.
        """
        calls_before = self._context.calls
        fetched = not self._is_taken_in(session)
        changes = VersionChanges()
        if fetched:
            changes = ListingSync(self._context).observe(session)
        listed = symbols_listed(self._context.engine, session)
        by_class = Counter(str(equity_class(row.ticker, row.equity_type, row.name)) for row in listed)
        result = DetailsResult(0, 0, ())
        refusal = self._details.why_none()
        if refusal is None:
            try:
                result = self._details.ask(session, limit=details_limit)
            except NotEntitledError as error:
                refusal = str(error)
                self._context.record_calls()
        return SymbolReport(
            session=session,
            by_class=dict(by_class.most_common()),
            preview=tuple(listed[:10]),
            changes=changes,
            fetched=fetched,
            details_done=result.done,
            details_unknown=result.unknown,
            details_left=0 if refusal else len(self._details.due(session)),
            failures=result.failures,
            calls=self._context.calls - calls_before,
            no_details=refusal,
        )

    def enqueue_details(self, session: date, bounds: QueueBounds) -> Enqueued:
        """Put the details that are still due into the processing queue: see `SymbolDetails.enqueue`."""
        return self._details.enqueue(session, bounds)

    def details_plan(self, session: date, *, details_limit: int | None = None) -> DetailsPlan:
        """What `sync` would ask for now, for a session whose list is stored. Makes no call."""
        return self._details.plan(session, limit=details_limit)

    def _is_taken_in(self, session: date) -> bool:
        """Whether the session's list is known: its versions are stored, or it was empty."""
        engine, market, name = self._context.engine, self._context.market, self._context.source.name
        if session not in lists_observed(engine, market, name, empty=True):
            return False
        return session not in lists_observed(engine, market, name) or bool(symbols_listed(engine, session))


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
        listed = "some" if self.list_calls is None else f"about {self.list_calls:,}" if self.list_calls else "0"
        due = "one call for each new symbol" if self.details_due is None else f"{self.details_due:,} due"
        most = "at most " if self.details_due is None or self.list_calls else ""
        profiles = f"about {self.profile_calls}" if self.profile_calls else "0"
        time = f", {self.details_seconds / 60:,.1f} minutes at least" if self.details_seconds >= 1 else ""
        return (
            f"For {self.session}: {listed} calls for the ticker list (one for {PAGE:,} securities), {most}"
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
