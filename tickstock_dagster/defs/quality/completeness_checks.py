"""What the checks of completeness evaluate, for the asset of any market: the table as it stands now.

Which checks an asset has is stated in `defs.quality.bar_checks` and `defs.quality.market_checks`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import dagster as dg
import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.adapters.loading.tracked import tracked_state, unknown_tickers
from tickstock_dagster.adapters.quality.gap_alerts import long_gaps_of, standing_stale
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.end_of_day import OBJECTIVE, latest_due_session, reaches_objective
from tickstock_dagster.core.loading.owed import asked_or_due
from tickstock_dagster.core.markdown import markdown_table
from tickstock_dagster.core.quality.gap_alerts import LONGEST_ORDINARY_GAP

COMPLETENESS_CHECKS = {
    "session_complete": "No bar is owed: every expected one is stored or explained for good; every ticker is known.",
    "no_long_gaps": "No tracked symbol lacks its bars on more than one session in a row.",
    "latest_session_present": "The latest session that is due has reached its completeness objective.",
}
"""Their names, each with what it promises."""


@dataclass(frozen=True)
class Standing:
    """How a market stands at one moment, read once for all checks of a step that need it.

    Attributes:
        engine: the store's.
        calendar: the market's, with its overrides applied.
        now: aware.
    """

    engine: sa.Engine
    calendar: SessionCalendar
    now: datetime

    @cached_property
    def tracked(self) -> Expectation:
        """Everything that is tracked in the market."""
        return Expectation.of_tracked(self.engine, market=self.calendar.key)

    @cached_property
    def owed(self) -> pl.DataFrame:
        """What is owed of it, `core.loading.owed.OWED_SCHEMA`."""
        last = self.calendar.latest_closed_session(self.now)
        return owed_cells(self.engine, self.calendar, last, tracked=self.tracked)


def session_complete(key: dg.AssetKey, standing: Standing) -> dg.AssetCheckResult:
    """WARN: bars that are owed of the market, without those that are not to be requested yet."""
    owed = asked_or_due(standing.owed, latest_due_session(standing.calendar, standing.now))
    count, head = owed.height, ["session", "ticker", "reason", "evidence"]
    table = markdown_table(head, owed.head(10).select(head).iter_rows())
    unknown = unknown_tickers(standing.engine, standing.calendar.key)
    return check_result(
        key,
        "session_complete",
        passed=count == 0 and not unknown,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "value": count,
            "threshold": 0,
            "sessions": owed["session"].n_unique(),
            "newest": dg.MetadataValue.md(table if count else "none"),
            "unknown_tickers": ", ".join(unknown[:50]) or "none",
        },
    )


def no_long_gaps(key: dg.AssetKey, standing: Standing) -> dg.AssetCheckResult:
    """WARN: gaps of more than one session: the findings of `data_stale` that stand now.

    What is missing changes with the time alone: the findings are made from what is owed now, by the rule by which they
    are stored.
    """
    gaps = long_gaps_of(standing.owed, standing.calendar, standing.now)
    found = standing_stale(standing.engine, gaps, standing.calendar.key)
    names = ("first", "last", "sessions", "reason")
    rows = [(one.ticker, *(one.evidence[name] for name in names)) for one in found[:10]]
    table = markdown_table(["symbol", "from", "to", "sessions", "reason"], rows, right={"sessions"})
    return check_result(
        key,
        "no_long_gaps",
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "value": max((int(one.value) for one in found), default=0),
            "threshold": LONGEST_ORDINARY_GAP,
            "gaps": len(found),
            "symbols": len({one.key.security_id for one in found}),
            "newest": dg.MetadataValue.md(table if found else "none"),
        },
    )


def latest_session_present(key: dg.AssetKey, standing: Standing) -> dg.AssetCheckResult:
    """ERROR: the latest session that is due is below its completeness objective."""
    due = latest_due_session(standing.calendar, standing.now)
    state = tracked_state(standing.engine, due, standing.tracked, market=standing.calendar.key)
    return check_result(
        key,
        "latest_session_present",
        passed=state is not None and reaches_objective(state),
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "session": str(due),
            "value": state.ratio if state and state.expected else 0.0,
            "threshold": OBJECTIVE,
            "stored": state.stored if state else 0,
            "expected": state.expected if state else 0,
        },
    )


def check_result(
    key: dg.AssetKey, name: str, *, passed: bool, severity: dg.AssetCheckSeverity, metadata: Mapping[str, Any]
) -> dg.AssetCheckResult:
    """The result of one check of an asset.

    Args:
        key: the asset's.
        name: of the check.
        passed: whether it holds.
        severity: where it does not.
        metadata: with `value` and `threshold`.
    """
    return dg.AssetCheckResult(asset_key=key, check_name=name, passed=passed, severity=severity, metadata=metadata)
