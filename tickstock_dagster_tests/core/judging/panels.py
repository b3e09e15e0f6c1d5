"""Panels of made-up bars: random walks of liquid companies, which a test disturbs in one place."""

from collections.abc import Callable
from datetime import date

import numpy as np
import polars as pl

from tickstock_dagster.core.actions.returns import PAYOUT_SCHEMA
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.judging.judging import judge
from tickstock_dagster.core.judging.known_days import known_days, session_minutes
from tickstock_dagster.core.judging.panel import FACTS_SCHEMA, PANEL_SCHEMA, Panel
from tickstock_dagster.core.judging.thresholds import Limits

CALENDAR = library_calendar(MARKET)
SECURITIES, SESSIONS = 40, 160
DAYS = CALENDAR.sessions(date(2023, 1, 3), date(2023, 12, 29))[:SESSIONS]
LIMITS = Limits.of_defaults(["ETF"])
PLACE = 140
"""Row of the disturbed bar within its security."""


def quiet_bars(seed: int = 5) -> pl.DataFrame:
    """`PANEL_SCHEMA` of companies that move by about a hundredth a session."""
    random, parts = np.random.default_rng(seed), []
    market = random.normal(0, 0.006, SESSIONS)
    for number in range(1, SECURITIES + 1):
        moves = market + random.normal(0, 0.01, SESSIONS)
        close = 20 * number**0.5 * np.exp(moves.cumsum())
        opened = np.r_[close[0], close[:-1]] * np.exp(random.normal(0, 0.002, SESSIONS))
        top, bottom = np.maximum(opened, close), np.minimum(opened, close)
        prices = {
            "open": opened,
            "high": top * np.exp(np.abs(random.normal(0, 0.004, SESSIONS)) + 0.001),
            "low": bottom * np.exp(-np.abs(random.normal(0, 0.004, SESSIONS)) - 0.001),
            "close": close,
        }
        volume = 1_000_000 * np.exp(random.normal(0, 0.25, SESSIONS))
        parts.append(
            pl.DataFrame(
                {"security_id": number, "session": DAYS, "ticker": f"T{number}", "volume": volume.round()}
                | {name: values.round(4) for name, values in prices.items()}
            )
        )
    return pl.concat(parts).select(pl.col(name).cast(dtype) for name, dtype in PANEL_SCHEMA.items())


def panel_of(bars: pl.DataFrame, **changed: object) -> Panel:
    """The bars with calendar and facts; all sessions are judged."""
    ids = bars["security_id"].unique().sort()
    facts = pl.DataFrame({"security_id": ids}).with_columns(
        pl.lit("CS" if name == "equity_type" else None, dtype=dtype).alias(name)
        for name, dtype in FACTS_SCHEMA.items()
        if name != "security_id"
    )
    given = {
        "bars": bars,
        "payouts": pl.DataFrame(schema=PAYOUT_SCHEMA),
        "facts": facts,
        "sessions": DAYS,
        "minutes": session_minutes(CALENDAR, DAYS),
        "known_days": known_days(DAYS),
        "first": DAYS[0],
    }
    return Panel(**(given | changed))  # type: ignore[arg-type]


def disturbed(change: Callable[[dict[str, np.ndarray], int], None], bars: pl.DataFrame | None = None) -> pl.DataFrame:
    """Quiet bars with one security's columns changed around `PLACE`."""
    bars = quiet_bars() if bars is None else bars
    chosen = pl.col("security_id") == 7
    mine = bars.filter(chosen)
    columns = {name: mine[name].to_numpy().copy() for name in ("open", "high", "low", "close", "volume")}
    change(columns, PLACE)
    return pl.concat(
        [bars.filter(~chosen), mine.with_columns(pl.Series(name, values) for name, values in columns.items())]
    ).sort("security_id", "session")


def judged(bars: pl.DataFrame, **changed: object) -> dict[tuple[date, str], tuple[str, str]]:
    """(session, rule) → (verdict, cause) of what is found of the disturbed security."""
    found = judge(panel_of(bars, **changed), LIMITS).filter(pl.col("security_id") == 7)
    return {(row["session"], row["rule"]): (row["verdict"], row["cause"]) for row in found.iter_rows(named=True)}
