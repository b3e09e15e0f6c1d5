"""Judging stored bars: every finding of every rule about a panel.

Today's rules: moves of closes and levels of volumes, as `core.quality.bar_anomalies` measures them.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from tickstock_dagster.core.quality.bar_anomalies import (
    MOVE_SCHEMA,
    PRICE_LIMIT,
    RECENT_SCHEMA,
    USUAL_SESSIONS,
    VOLUME_DROUGHT,
    VOLUME_SPIKE,
    evaluate_moves,
    large_moves,
    odd_volumes,
)
from tickstock_dagster.core.quality.findings import FINDING_SCHEMA, Severity, Verdict
from tickstock_dagster.core.quality.panel import Panel
from tickstock_dagster.core.valuation.fair_value import UNPRINTED_SCHEMA, estimate_fair_values, references_of

JUDGED_RULES = frozenset({"price_move", "volume_spike", "volume_drought"})
"""The rules that `judge` applies: a finding of theirs that it does not make any more is withdrawn."""

_SATURDAY = 5


def judge(panel: Panel, thresholds: object = None) -> pl.DataFrame:  # noqa: ARG001  # the rules have one each today
    """The findings about every judged session of a panel, as `FINDING_SCHEMA`, by session, rule and ticker.

    Args:
        panel: bars with their history.
        thresholds: of each equity type.
    """
    days = [day for day in panel.sessions if day >= panel.first]
    frames = [pl.DataFrame(schema=FINDING_SCHEMA), *(_of_session(panel, day) for day in days)]
    return pl.concat(frames).sort("session", "rule", "ticker")


def _of_session(panel: Panel, session: date) -> pl.DataFrame:
    place = list(panel.sessions).index(session)
    span = list(panel.sessions[max(0, place - USUAL_SESSIONS) : place + 1])
    bars = panel.bars.filter(pl.col("session").is_in(span)).select(
        pl.col(name).cast(dtype) for name, dtype in RECENT_SCHEMA.items()
    )
    payouts = panel.payouts.filter(pl.col("ex_date") >= span[0])
    minutes = {day: panel.minutes[day] for day in span}
    rows = [*_moves(panel, bars, payouts, span), *_volumes(bars, payouts, minutes, session)]
    return pl.DataFrame(rows, schema=FINDING_SCHEMA, orient="row")


def _moves(panel: Panel, bars: pl.DataFrame, payouts: pl.DataFrame, span: Sequence[date]) -> list[dict[str, Any]]:
    session = span[-1]
    moves = large_moves(bars, payouts, session)
    between = [span[-2] + timedelta(days=n) for n in range(1, (session - span[-2]).days)] if len(span) > 1 else []
    holiday = any(day.weekday() < _SATURDAY for day in between)
    special = panel.minutes[session] < max(panel.minutes[day] for day in span) or holiday
    valued = moves if special else moves.filter(pl.col("last_session") < span[-2])
    values = _fair_values(panel, valued, session)
    ids = moves["security_id"].to_list()
    return [
        _finding(
            security,
            session,
            move.ticker,
            "price_move",
            Verdict.SUSPICIOUS if move.is_anomaly else Verdict.EXPLAINED,
            "nothing that is known accounts for the move"
            if move.is_anomaly
            else "the close is near the fair value that its reference gives",
            move.close / move.last_close - 1,
            PRICE_LIMIT,
            {
                "last_session": str(move.last_session),
                "last_close": move.last_close,
                "close": move.close,
                "fair_value": move.fair_value,
                "off": move.off,
            },
            "a split, a dividend or a corrected bar",
        )
        for security, move in zip(ids, evaluate_moves(moves.select(list(MOVE_SCHEMA)), values), strict=True)
    ]


def _fair_values(panel: Panel, moves: pl.DataFrame, session: date) -> dict[int, float]:
    """Estimates of some securities for the session, from earlier prints."""
    if moves.is_empty():
        return {}
    today = panel.bars.filter(pl.col("session") == session).select(
        reference="security_id", correlation_reference="ticker"
    )
    wanted = (
        moves.join(panel.facts.select("security_id", "sector", "reference"), on="security_id", how="left")
        .join(today, on="reference", how="left")
        .with_columns(session=pl.lit(session))
        .select(list(UNPRINTED_SCHEMA))
    )
    facts = wanted.select("correlation_reference", "sector", "ticker").unique().iter_rows()
    names = {name for reference, sector, ticker in facts for name in references_of(reference, sector, ticker)}
    sessions = [day for day in panel.sessions if day <= session]
    closes = panel.bars.filter(
        pl.col("session").is_in(sessions)
        & (pl.col("security_id").is_in(wanted["security_id"].to_list()) | pl.col("ticker").is_in(sorted(names)))
    ).select("security_id", "session", "ticker", "close")
    found = estimate_fair_values(wanted, closes, panel.payouts, sessions)
    return dict(found.select("security_id", "fmv").iter_rows())


def _volumes(
    bars: pl.DataFrame, payouts: pl.DataFrame, minutes: Mapping[date, float], session: date
) -> list[dict[str, Any]]:
    return [
        _finding(
            security,
            session,
            ticker,
            "volume_spike" if ratio > 1 else "volume_drought",
            Verdict.SUSPICIOUS,
            "nothing that is known accounts for the volume",
            ratio,
            VOLUME_SPIKE if ratio > 1 else VOLUME_DROUGHT,
            {"volume": volume, "expected": expected, "minutes": minutes[session]},
            "news of the day, a known day of trading, a split or a corrected bar",
        )
        for security, ticker, volume, expected, ratio in odd_volumes(bars, payouts, minutes, session).iter_rows()
    ]


def _finding(
    security_id: int,
    session: date,
    ticker: str,
    rule: str,
    verdict: Verdict,
    cause: str,
    value: float,
    threshold: float,
    evidence: Mapping[str, Any],
    would_change: str,
) -> dict[str, Any]:
    """A row of `FINDING_SCHEMA`; the arguments are its columns."""
    return {
        "security_id": security_id,
        "session": session,
        "ticker": ticker,
        "rule": rule,
        "verdict": str(verdict),
        "severity": str(Severity.WARN),
        "cause": cause,
        "value": value,
        "threshold": threshold,
        "evidence": json.dumps(evidence),
        "would_change": would_change,
        "settled_by": None,
    }
