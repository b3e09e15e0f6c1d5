"""The quality report of sessions: findings stored and every tracked symbol scored, a session a transaction.

How a score comes about is in `core.quality.scores`, what the rules find in `adapters.quality.judged`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.events.outbox import write_events
from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import copy_frame
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.quality.findings import Scope, StoredFindings, read_findings, store_findings
from tickstock_dagster.adapters.quality.held_bars import free_bars
from tickstock_dagster.adapters.quality.judged import SCORED_RULES, JudgedSession, judge_sessions
from tickstock_dagster.adapters.quality.news_evidence import NewsDesk
from tickstock_dagster.adapters.sources.protocol import ReferenceSource
from tickstock_dagster.core.calendars.markets import ABROAD
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.events.data import OUTSIDE
from tickstock_dagster.core.events.envelope import Event, QualitySummary
from tickstock_dagster.core.judging.findings import Verdict
from tickstock_dagster.core.loading.end_of_day import latest_due_session
from tickstock_dagster.core.loading.owed import asked_or_due
from tickstock_dagster.core.quality.control_chart import SESSIONS
from tickstock_dagster.core.quality.lifecycle import REFUSED, Finding
from tickstock_dagster.core.quality.scores import (
    FRESHNESS_SESSIONS,
    Missing,
    ScoredFinding,
    recommendations,
    scores_of,
)
from tickstock_dagster.core.quality.summary import SCORES, WORST, SessionCounts, summary_of

REPORT_SCHEMA: dict[str, Any] = {
    "security_id": pl.Int64, "ticker": pl.String, "price_score": pl.Float64, "volume_score": pl.Float64,
    "freshness_score": pl.Float64, "overall_score": pl.Float64, "explained": pl.Int64, "suspicious": pl.Int64,
    "wrong": pl.Int64, "missing_sessions": pl.Int64, "missing_in_a_row": pl.Int64,
    "recommendations": pl.List(pl.String),
}  # fmt: skip
"""A row of `quality_reports`, without its session and when it was written."""


@dataclass(frozen=True, slots=True)
class SessionReport:
    """What the report of one session came to.

    Attributes:
        session: the session.
        rows: `REPORT_SCHEMA`, the lowest overall score first, then by ticker.
        findings: that stand about the session.
        stored: what storing them did.
        summary: the session's summary; None where nothing is tracked.
    """

    session: date
    rows: pl.DataFrame
    findings: tuple[Finding, ...]
    stored: StoredFindings
    summary: QualitySummary | None


def report_sessions(
    engine: sa.Engine,
    calendar: SessionCalendar,
    days: Sequence[date],
    *,
    run_id: str,
    now: datetime,
    news: ReferenceSource | None = None,
) -> Iterator[SessionReport]:
    """Judge some sessions, store what is found, and score every tracked symbol; the same again changes nothing.

    The session before the first one is judged again, where it was reported on: the bars after a session say more of it.

    Args:
        engine: the store's.
        calendar: of the US market, with its overrides applied.
        days: closed sessions, ascending.
        run_id: the Dagster run, or cli.
        now: aware.
        news: asked for news of what nothing else accounts for.

    Yields:
        One report a session, in their order, when it is committed; the one before the first of them included.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    with transaction(engine) as connection:
        former = calendar.sessions_before(days[0], 1) if days else []
        known = [day for day in former if read_summaries(connection, day, day)]
    look_up = NewsDesk(news, calendar, now).with_news if news is not None else None
    for judged in judge_sessions(engine, calendar, [*known, *days], look_up=look_up):
        free_bars(engine, judged, score_again, market=calendar.key, run_id=run_id, now=now)
        lacking = lacking_of(engine, calendar, judged.session, now)
        with transaction(engine) as connection:
            lock(connection, Lock.BARS)
            report = _stored(connection, calendar, judged, lacking, run_id=run_id, now=now)
        yield report


@dataclass(frozen=True, slots=True)
class Lacking:
    """What is owed of the last `FRESHNESS_SESSIONS` sessions: those sessions, ascending, and by security its days."""

    sessions: Sequence[date]
    days: Mapping[int, frozenset[date]]

    def missing(self, security_id: int) -> Missing:
        """What one security lacks."""
        days = self.days.get(security_id)
        return Missing.of(days, self.sessions) if days else Missing()

    def with_cells(self, cells: Iterable[tuple[int, date]]) -> "Lacking":
        """The same with further cells, as (security, session)."""
        days = dict(self.days)
        for security, day in cells:
            days[security] = days.get(security, frozenset()) | {day}
        return Lacking(self.sessions, days)


def lacking_of(engine: sa.Engine, calendar: SessionCalendar, session: date, now: datetime) -> Lacking:
    """What is owed of the last sessions up to one."""
    days = [*calendar.sessions_before(session, FRESHNESS_SESSIONS - 1), session]
    owed = asked_or_due(owed_cells(engine, calendar, session, first=days[0]), latest_due_session(calendar, now))
    by_security = owed.group_by("security_id").agg("session").iter_rows()
    return Lacking(days, {security: frozenset(missing) for security, missing in by_security})


def score_rows(cells: pl.DataFrame, findings: Iterable[Finding], lacking: Lacking) -> pl.DataFrame:
    """The report of a session (`REPORT_SCHEMA`), the lowest overall score first, then by ticker.

    Args:
        cells: `core.loading.coverage.CELL_SCHEMA`: whom to report on.
        findings: that stand about the session.
        lacking: what is owed.
    """
    by_security: dict[int, list[ScoredFinding]] = {}
    for one in findings:
        by_security.setdefault(one.key.security_id, []).append(scored(one))
    rows = [
        (security, ticker, *_scored_row(by_security.get(security, []), lacking.missing(security)))
        for security, ticker in cells.select("security_id", "ticker").iter_rows()
    ]
    return pl.DataFrame(rows, schema=REPORT_SCHEMA, orient="row").sort("overall_score", "ticker")


def scored(finding: Finding) -> ScoredFinding:
    """What counts of a finding for a score."""
    return ScoredFinding(
        finding.key.rule,
        finding.verdict,
        finding.value,
        finding.threshold,
        finding.cause,
        finding.would_change,
        finding.settled_by,
        bool(finding.evidence.get(REFUSED)),
    )


def score_again(connection: psycopg.Connection[Any], security_id: int, session: date) -> None:
    """Score a stored report again from its findings as they stand now, within the caller's transaction."""
    key = {"session": session, "security_id": security_id}
    row = connection.execute(statement("quality/report_of"), key).fetchone()
    if row is None:
        return
    stored = read_findings(connection, Scope(session, session, SCORED_RULES, [security_id]))
    findings = [scored(one.finding) for one in stored if not one.withdrawn]
    price, volume, freshness, overall, explained, suspicious, wrong, *_, said = _scored_row(findings, Missing(*row))
    connection.execute(
        statement("quality/report_score"),
        key
        | {"price": price, "volume": volume, "freshness": freshness, "overall": overall, "explained": explained}
        | {"suspicious": suspicious, "wrong": wrong, "recommendations": said},
    )


def read_summaries(connection: psycopg.Connection[Any], first: date, last: date) -> list[SessionCounts]:
    """The summaries of the reported sessions between two, ascending."""
    rows = connection.execute(statement("quality/summaries"), {"first": first, "last": last}).fetchall()
    return [
        SessionCounts(session, symbols, dict(zip(SCORES, means, strict=True)), *counts)
        for session, symbols, *means, explained, suspicious, wrong, missing in rows
        for counts in [tuple(int(count) for count in (explained, suspicious, wrong, missing))]
    ]


def _stored(
    connection: psycopg.Connection[Any],
    calendar: SessionCalendar,
    judged: JudgedSession,
    lacking: Lacking,
    *,
    run_id: str,
    now: datetime,
) -> SessionReport:
    session, market = judged.session, calendar.key
    total = store_findings(connection, judged.findings, judged.scope, market=market, run_id=run_id, now=now)
    stored = read_findings(connection, Scope(session, session, SCORED_RULES))
    findings = tuple(one.finding for one in stored if not one.withdrawn)
    # A bar that was set aside just now is owed since.
    rows = score_rows(judged.cells, findings, lacking.with_cells(total.set_aside))
    connection.execute(statement("quality/report_stage"))
    texts = pl.Series("recommendations", [json.dumps(said) for said in rows["recommendations"].to_list()], pl.String)
    with connection.cursor() as cursor:
        copy_frame(cursor, "stage_quality_reports", rows.with_columns(texts))
    at = {"session": session, "market": market, "abroad": list(ABROAD), "now": now, "run_id": run_id}
    connection.execute(statement("quality/report_clear"), at, prepare=False)
    connection.execute(statement("quality/report_write"), at, prepare=False)
    summary = _summary(connection, calendar, session, rows, run_id)
    if summary is not None:
        write_events(connection, [Event.of(summary, time=now, dedupe_key="summary")])
    return SessionReport(session, rows, findings, total, summary)


def _summary(
    connection: psycopg.Connection[Any], calendar: SessionCalendar, session: date, rows: pl.DataFrame, run_id: str
) -> QualitySummary | None:
    first = calendar.sessions_before(session, SESSIONS)[0]
    if not (sessions := read_summaries(connection, first, session)) or sessions[-1].session != session:
        return None
    worst = rows.filter(pl.col("overall_score") < 100).head(WORST)["ticker"].to_list()
    run = None if run_id in OUTSIDE else run_id
    return summary_of(sessions[-1], sessions[:-1], worst, market=calendar.key, run_id=run)


def _scored_row(findings: Sequence[ScoredFinding], missing: Missing) -> tuple[Any, ...]:
    """The columns of `REPORT_SCHEMA` after the ticker."""
    scores = scores_of(findings, missing)
    counts = [sum(one.verdict is verdict for one in findings) for verdict in Verdict]
    said = recommendations(findings, missing)
    return (
        scores.price, scores.volume, scores.freshness, scores.overall, *counts, missing.sessions, missing.in_a_row,
        said,
    )  # fmt: skip
