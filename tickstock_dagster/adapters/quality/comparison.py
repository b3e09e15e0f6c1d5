"""Comparing stored bars with those of another source: its bars are kept as candidates, and what differs is a finding.

The stored bars stay as they are. What of two bars is comparable is in `core.quality.source_rules`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import copy_frame, frame_of, read_frame
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.quality.findings import Scope, StoredFindings, findings_of, store_findings
from tickstock_dagster.adapters.quality.panel import read_bars
from tickstock_dagster.adapters.quality.thresholds import thresholds_of
from tickstock_dagster.adapters.securities.listing_store import read_intervals
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.adapters.sources.protocol import BarSource
from tickstock_dagster.core.bars.daily_bars import validate_bars
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.quality.source_rules import CANDIDATE_SCHEMA, sources_differ

RULE = "sources_differ"
_STAGED = ("security_id", "session", "ticker", "open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing one source did.

    Attributes:
        source: under what name its bars are kept.
        compared: bars that both have.
        unknown: its tickers that no security held then.
        missing: bars that it has and the store lacks.
        findings: of the rule, about these bars, as `core.judging.findings.FINDING_SCHEMA`.
        stored: what storing them did.
    """

    source: str
    compared: int
    unknown: tuple[str, ...]
    missing: int
    findings: pl.DataFrame
    stored: StoredFindings


def compare_source(
    engine: sa.Engine,
    calendar: SessionCalendar,
    source: BarSource,
    sessions: Sequence[date],
    *,
    adjusted: bool,
    venue: str | None,
    run_id: str,
    now: datetime,
) -> Comparison:
    """Ask a source for whole sessions, keep its bars as candidates, and compare all candidates with the stored bars.

    Args:
        engine: the store's.
        calendar: of the market, with its overrides applied.
        source: of bars; one call a session, where it is the vendor.
        sessions: closed ones, ascending, at least one.
        adjusted: its prices are adjusted for splits or more.
        venue: MIC of the one exchange whose trades it has; None: consolidated.
        run_id: the Dagster run, or cli.
        now: aware.

    Raises:
        VendorError: the source does not answer; nothing is stored.
        ServiceUnavailableError: the database cannot be reached.
    """
    kind = source.name if isinstance(source, FileSource) else f"{source.name}:grouped"
    rows = validate_bars(pl.concat([source.grouped_bars(day) for day in sessions])).good
    held = _of_securities(rows, read_intervals(engine))
    unknown = tuple(sorted(set(rows["ticker"]) - set(held["ticker"])))
    ids = held["security_id"].unique().sort().to_list()
    first, last = sessions[0], sessions[-1]
    limits = thresholds_of(engine)
    key = ["security_id", "session"]
    with transaction(engine) as connection:
        # Before anything is read: what is found is of the bars that stand.
        lock(connection, Lock.BARS)
        own = _stored_bars(engine, ids, sessions)
        _keep(connection, held.join(own, on=key, how="semi"), kind, adjusted=adjusted, venue=venue, now=now)
        kept = frame_of(connection, statement("quality/candidates_read"), (first, last)).cast(
            pl.Schema(CANDIDATE_SCHEMA)
        )
        found = sources_differ(own, kept, limits)
        scope = Scope(first, last, [RULE], ids)
        stored = store_findings(connection, findings_of(found), scope, market=calendar.key, run_id=run_id, now=now)
    compared = held.join(own, on=key, how="semi").height
    return Comparison(kind, compared, unknown, held.height - compared, found, stored)


def _stored_bars(engine: sa.Engine, ids: Sequence[int], sessions: Sequence[date]) -> pl.DataFrame:
    """The stored bars as `CANDIDATE_SCHEMA`, with the `equity_type` by whose thresholds they are compared."""
    facts = read_frame(engine, statement("quality/panel_facts"), (",".join(map(str, ids)),))
    types = facts.select(pl.col("security_id").cast(pl.Int64), pl.col("equity_type").cast(pl.String))
    bars = read_bars(engine, ids, sessions).with_columns(
        source=pl.lit("stored"), adjusted=pl.lit(value=False), venue=pl.lit(None, dtype=pl.String)
    )
    return bars.select(list(CANDIDATE_SCHEMA)).join(types, on="security_id", how="left", maintain_order="left")


def _of_securities(rows: pl.DataFrame, intervals: pl.DataFrame) -> pl.DataFrame:
    """Rows with the security that held their ticker on their session; others are left out."""
    inside = (pl.col("session") >= pl.col("valid_from")) & (
        pl.col("valid_to").is_null() | (pl.col("session") < pl.col("valid_to"))
    )
    return rows.join(intervals.select("ticker", "security_id", "valid_from", "valid_to"), on="ticker").filter(inside)


def _keep(
    connection: psycopg.Connection, rows: pl.DataFrame, source: str, *, adjusted: bool, venue: str | None, now: datetime
) -> None:
    """Keep a source's bars as candidates.

    Args:
        connection: within a transaction.
        rows: of securities that have a stored bar on the session.
        source: the name to keep them under.
        adjusted: as for `compare_source`.
        venue: as for `compare_source`.
        now: aware.
    """
    with connection.cursor() as cursor:
        cursor.execute(statement("quality/candidates_stage"))
        copy_frame(cursor, "candidate_stage", rows.select(_STAGED))
        cursor.execute(
            statement("quality/candidates_write"), {"source": source, "adjusted": adjusted, "venue": venue, "now": now}
        )
