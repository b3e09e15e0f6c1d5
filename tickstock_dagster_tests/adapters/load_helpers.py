"""What the tests of loading share: a simulator, a store, a quick source, and a loader between them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from tickstock_dagster.adapters.bars.load_values import LoadReport, LoadRequest
from tickstock_dagster.adapters.bars.loader import BarLoader
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.postgres.fingerprint import fingerprint
from tickstock_dagster.adapters.sources.massive.source import MassiveSource
from tickstock_dagster.adapters.sources.protocol import MarketSource
from tickstock_dagster.adapters.sources.rate_limit import LocalRateLimiter
from tickstock_dagster.adapters.sources.retry import RetryPolicy
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.loading.vendor_plans import VendorPlan, vendor_plan
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.store_helpers import query

MARKET = "XNYS"
SATURDAY = datetime(2026, 11, 21, 20, tzinfo=UTC)
"""All bars of the week before are settled."""
FRIDAY_EVENING = datetime(2026, 11, 20, 22, tzinfo=UTC)
"""An hour after Friday's close."""

QUICK = RetryPolicy(attempts=3, first_wait=0.001, longest_wait=0.002, jitter=0.001, rate_window=0.001)
BARS = "SELECT ticker, session, close FROM ohlcv_daily ORDER BY ticker, session"
GAPS = "SELECT ticker, session, reason, evidence FROM bar_gaps ORDER BY ticker, session"
CALENDAR = library_calendar(MARKET)


def plan_without_rate(name: str = "advanced") -> VendorPlan:
    """A plan whose rate never makes a test wait."""
    return replace(vendor_plan(name), calls=10_000)


def quick_source(
    simulator: RunningSimulator, plan: str = "advanced", key: str | None = None, **options: Any
) -> MassiveSource:
    """The vendor's adapter on a simulator, with retries that take milliseconds."""
    allowed = plan_without_rate(plan)
    options.setdefault("policy", QUICK)
    return MassiveSource(
        key or simulator.key, simulator.url, allowed, LocalRateLimiter(allowed), name="simulator", **options
    )


@dataclass
class World:
    """One vendor, one store and the time."""

    simulator: RunningSimulator
    database_url: str
    now: datetime = SATURDAY
    source: MarketSource = field(init=False)

    def __post_init__(self) -> None:
        self.source = quick_source(self.simulator)

    @property
    def engine(self) -> sa.Engine:
        return open_engine(self.database_url)

    def context(self, source: MarketSource | None = None, run_id: str = "run-1") -> LoadContext[MarketSource]:
        """What a load works with: the world's time, and its source unless there is another."""
        return LoadContext(source or self.source, self.engine, MARKET, run_id, lambda: self.now)

    def loader(self, **options: Any) -> BarLoader:
        asked = {name: options.pop(name) for name in ("source", "run_id") if name in options}
        return BarLoader(self.context(**asked), CALENDAR, **options)

    def load(self, tickers: str | Iterable[str], first: date, last: date, **options: Any) -> LoadReport:
        """Load tickers ("AAPL MSFT") over the sessions between two dates."""
        wanted = tuple(tickers.split()) if isinstance(tickers, str) else tuple(tickers)
        asked = {name: options.pop(name) for name in ("ask_again", "strict") if name in options}
        return self.loader(**options).load(LoadRequest(wanted, tuple(CALENDAR.sessions(first, last)), **asked))

    def query(self, text: str, values: Any = None) -> list[tuple[Any, ...]]:
        return query(self.database_url, text, values)

    def sessions_of(self, ticker: str) -> list[date]:
        """Stored sessions under a printed ticker."""
        text = "SELECT session FROM ohlcv_daily WHERE ticker = %s ORDER BY session"
        return [session for (session,) in self.query(text, (ticker,))]

    def gaps(self) -> list[tuple[str, date, str, str]]:
        return self.query(GAPS)

    def tables(self, *without: str) -> dict[str, str]:
        """The fingerprint of every table but some."""
        return {t.table: t.sha256 for t in fingerprint(self.engine).tables if t.table not in without}
