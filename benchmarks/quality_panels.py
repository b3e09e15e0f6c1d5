"""The panels that the quality rules are measured on: real bars, or synthetic ones, as the store would give them.

With TICKSTOCK_REAL_DATA the real S&P 500 set (`benchmarks.market_rows`) and, of the same folder,
`etf_daily_2013_2017/etf_daily_2013_2017.parquet`, both of adjusted prices without their actions; else the synthetic
market alone.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.fair_values import FILE
from benchmarks.market_rows import market_calendar, market_rows
from tickstock_dagster.core.actions.returns import PAYOUT_SCHEMA
from tickstock_dagster.core.judging.judging import judge
from tickstock_dagster.core.judging.known_days import known_days, session_minutes
from tickstock_dagster.core.judging.panel import FACTS_SCHEMA, HISTORY_SESSIONS, PANEL_SCHEMA, Panel
from tickstock_dagster.core.judging.thresholds import Limits

FUND, STOCK = "ETF", "CS"
LIMITS = Limits.of_defaults([FUND])
PRICES = ("open", "high", "low", "close")
OPEN_VERDICTS = ("suspicious", "wrong")


def panels() -> Iterator[tuple[str, Panel]]:
    """Labels and panels, one after the other; all of their sessions are judged."""
    rows = market_rows()
    yield rows.label, panel_of(as_bars(rows.frame), STOCK)
    folder = os.environ.get("TICKSTOCK_REAL_DATA", "")
    if folder and (Path(folder) / FILE).is_file():
        bars = fund_bars(Path(folder))
        yield f"real funds, {bars.height:,} rows", panel_of(bars, FUND)


def fund_bars(folder: Path) -> pl.DataFrame:
    """The funds' bars as `PANEL_SCHEMA`."""
    return as_bars(pl.read_parquet(folder / FILE).rename({"symbol": "ticker", "date": "session"}))


def as_bars(frame: pl.DataFrame) -> pl.DataFrame:
    """Bars by ticker as `PANEL_SCHEMA`; securities are numbered by their tickers."""
    numbered = frame.with_columns(security_id=pl.col("ticker").rank("dense"))
    return numbered.select(pl.col(name).cast(kind) for name, kind in PANEL_SCHEMA.items()).sort(
        "security_id", "session"
    )


def panel_of(bars: pl.DataFrame, equity_type: str, payouts: pl.DataFrame | None = None) -> Panel:
    """The bars with their calendar, all of one type, without sectors and references."""
    sessions = market_calendar().sessions(bars["session"].min(), bars["session"].max())  # type: ignore[arg-type]
    facts = bars.select("security_id").unique().sort("security_id")
    facts = facts.with_columns(
        pl.lit(equity_type if name == "equity_type" else None, dtype=kind).alias(name)
        for name, kind in FACTS_SCHEMA.items()
        if name != "security_id"
    )
    return Panel(
        bars=bars,
        payouts=pl.DataFrame(schema=PAYOUT_SCHEMA) if payouts is None else payouts,
        facts=facts,
        sessions=sessions,
        minutes=session_minutes(market_calendar(), sessions),
        known_days=known_days(sessions),
        first=sessions[0],
    )


def evening_of(panel: Panel, session: date) -> Panel:
    """What the evening of a session knows: the history that a judgement needs, and nothing after."""
    place = panel.sessions.index(session)
    sessions = panel.sessions[max(0, place - HISTORY_SESSIONS) : place + 1]
    held = panel.bars.filter(pl.col("session").is_between(sessions[0], session))
    return replace(panel, bars=held, sessions=sessions, first=session)


def repeated(panel: Panel, sessions: Sequence[date], securities: int) -> Panel:
    """A panel of many securities over some sessions: those that print on all of them, again and again under new ids."""
    bars = panel.bars.filter(pl.col("session").is_in(list(sessions)))
    bars = bars.filter(pl.len().over("security_id") == len(sessions))
    bars = bars.with_columns(security_id=pl.col("security_id").rank("dense").cast(pl.Int64))
    held = bars["security_id"].n_unique()
    copies = [
        bars.with_columns(
            security_id=pl.col("security_id") + held * number, ticker=pl.format("{}{}", "ticker", pl.lit(number))
        )
        for number in range(-(-securities // held))
    ]
    many = pl.concat(copies).filter(pl.col("security_id") <= securities).sort("security_id", "session")
    return panel_of(many, STOCK)


def judged(panel: Panel) -> pl.DataFrame:
    """What the rules find in it, with the places of the bars as `row`."""
    rows = panel.bars.select("security_id", "session").with_row_index("row")
    return judge(panel, LIMITS).join(rows, on=["security_id", "session"], how="left", maintain_order="left")


def open_rows(findings: pl.DataFrame, verdicts: Sequence[str] = OPEN_VERDICTS) -> "np.ndarray[tuple[int], np.dtype]":
    """Places of the bars about which something is open: suspicious or wrong."""
    return findings.filter(pl.col("verdict").is_in(list(verdicts)))["row"].unique().sort().to_numpy()
