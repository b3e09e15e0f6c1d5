"""Asking the vendor for fair market values on a session's own evening, the only time it has them.

What it refuses or leaves out is estimated instead: the report says so, and nothing fails.
"""

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.sources.fair_values import FairValueSource
from tickstock_dagster.adapters.sources.protocol import Source, VendorError
from tickstock_dagster.adapters.valuation.store import read_unprinted
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar


@dataclass(frozen=True, slots=True)
class CapturedValues:
    """What the vendor gave.

    Attributes:
        source: the vendor's name.
        values: by ticker, currency units per share.
        stale: number of values from before the session, which are not used.
        reason: why there are no values, in words; empty where the vendor answered.
    """

    source: str
    values: dict[str, float] = field(default_factory=dict)
    stale: int = 0
    reason: str = ""


def capture_fair_values(context: LoadContext[Source], calendar: SessionCalendar, session: date) -> CapturedValues:
    """The vendor's values of securities that did not trade on a session, on its evening, if the plan includes them.

    Args:
        context: its source is asked only if it has fair values.
        calendar: with its overrides applied.
        session: a closed session.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    source, now = context.source, context.now()
    plan = source.plan
    if not isinstance(source, FairValueSource) or plan is None or not plan.fmv:
        return CapturedValues(source.name, reason="the plan includes no fair market values")
    if not calendar.closes_at(session) <= now < calendar.opens_at(calendar.next_session(session)):
        why = f"the vendor has current values only, and it is no longer the evening of {session}"
        return CapturedValues(source.name, reason=why)
    tickers = read_unprinted(context.engine, [session])["ticker"].to_list()
    if not tickers:
        return CapturedValues(source.name, reason="every security traded")
    try:
        found = source.fair_values(tickers)
    except VendorError as error:
        return CapturedValues(source.name, reason=str(error))
    finally:
        context.record_calls()
    fresh = found.filter(pl.col("updated_at") >= calendar.opens_at(session))
    return CapturedValues(source.name, dict(fresh.select("ticker", "fmv").iter_rows()), found.height - fresh.height)
