"""What `tickstock status` says of one market, by its own calendar. Printing it belongs in `status_pages`."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.calendars.store import calendar_in_force
from tickstock_dagster.adapters.ledger.progress import FailedUnits, failed_units
from tickstock_dagster.adapters.loading.coverage import read_states
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.adapters.loading.owed_datasets import owed_besides_bars
from tickstock_dagster.adapters.loading.tracked import tracked_tickers, unknown_tickers
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.completeness import reasons, session_states
from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.core.loading.owed import OwedOfDataset, owed_by_dataset
from tickstock_dagster.core.loading.vendor_plans import HISTORY_START


@dataclass(frozen=True, slots=True)
class MarketStatus:
    """The state of what is tracked in one market.

    Attributes:
        calendar: the market's, with its overrides applied.
        latest: its latest closed session.
        tracked: number of tracked symbols.
        begins: first session on which a bar is expected; None where none is.
        states: completeness of the sessions that were asked for, ascending.
        gaps: cells of these sessions without a bar, by reason.
        owed: `core.loading.owed.OWED_SCHEMA`, of all sessions.
        besides: what the other datasets owe.
        unknown: tracked tickers that are in no list of the vendor.
        failed: units of work whose last end was a failure.
    """

    calendar: SessionCalendar
    latest: date
    tracked: int
    begins: date | None
    states: tuple[Completeness, ...]
    gaps: Mapping[str, int]
    owed: pl.DataFrame
    besides: tuple[OwedOfDataset, ...]
    unknown: tuple[str, ...]
    failed: FailedUnits

    @property
    def owed_by_reason(self) -> dict[str, int]:
        """Owed cells by reason, the most frequent first."""
        counts = self.owed.group_by("reason").agg(pl.len().alias("cells"))
        return dict(counts.sort("cells", "reason", descending=[True, False]).iter_rows())

    def sample(self, gaps: int) -> list[dict[str, Any]]:
        """The newest owed bars, up to a number."""
        return self.owed.head(gaps).select("session", "ticker", "reason", "evidence").to_dicts()

    def as_json(self, gaps: int) -> dict[str, Any]:
        """A document for scripts, with up to `gaps` owed bars."""
        return {
            "market": self.calendar.key,
            "timezone": str(self.calendar.timezone),
            "tracked": self.tracked,
            "expected_from": self.begins,
            "latest_closed_session": self.latest,
            "sessions": [
                {
                    "session": state.session,
                    "expected": state.expected,
                    "stored": state.stored,
                    "explained": state.final,
                    "missing": state.missing,
                    "completeness": round(state.ratio, 6),
                }
                for state in self.states
            ],
            "gaps_by_reason": self.gaps,
            "owed": self.owed.height,
            "owed_sessions": self.owed["session"].n_unique(),
            "owed_by_reason": self.owed_by_reason,
            "newest_owed": self.sample(gaps),
            "owed_besides_bars": {
                one.dataset: {"sessions": one.sessions, "newest": one.newest, "reasons": one.reasons}
                for one in self.besides
            },
            "unknown_tickers": self.unknown,
            "units_retrying": self.failed.retrying,
            "dead_units": self.failed.dead,
        }


def read_market_status(
    engine: sa.Engine, market: str, sessions: int, now: datetime, settled: Callable[[], str | None]
) -> MarketStatus:
    """The state of one market.

    Args:
        engine: the store's.
        market: MIC of its calendar.
        sessions: how many sessions to count, up to the latest closed one.
        now: aware.
        settled: gives `adapters.loading.settled` of every security and day, where it was asked for already, else None.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    calendar = calendar_in_force(engine, market)
    latest = calendar.latest_closed_session(now)
    tracked = Expectation.of_tracked(engine, market=market)
    with ThreadPoolExecutor(1, "owed") as beside:  # the server looks at every stored bar for this
        owed = beside.submit(owed_cells, engine, calendar, latest, tracked=tracked, settled=settled)
        cells = read_states(engine, tracked.cells(shown_sessions(calendar, latest, sessions)))
        return MarketStatus(
            calendar=calendar,
            latest=latest,
            tracked=len(tracked_tickers(engine, market=market)),
            begins=tracked.begins,
            states=tuple(session_states(cells)),
            gaps=reasons(cells),
            besides=tuple(owed_by_dataset(owed_besides_bars(engine, calendar, tracked.begins, now=now))),
            unknown=unknown_tickers(engine, market),
            failed=failed_units(engine, market),
            owed=owed.result(),
        )


def shown_sessions(calendar: SessionCalendar, latest: date, count: int) -> list[date]:
    """Up to `count` sessions that end with `latest`, ascending."""
    return calendar.sessions(max(HISTORY_START, calendar.first), latest)[-count:]
