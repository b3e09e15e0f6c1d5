"""Universes from and to files: finding the security of each line, and writing the members.

`core.universes.files` reads the text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.securities.listing_store import intervals_of
from tickstock_dagster.adapters.universes.list_edit import set_list
from tickstock_dagster.adapters.universes.membership_import import GivenInterval, Imported, import_intervals
from tickstock_dagster.adapters.universes.membership_store import current_spans, members_on
from tickstock_dagster.adapters.universes.store import universe_entry, universe_tickers
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.universes.files import MemberLine
from tickstock_dagster.core.universes.memberships import ALWAYS

_LISTED = 10


@dataclass(frozen=True, slots=True)
class Resolved:
    """Lines with the security that held the ticker on their days, and lines whose security is not known."""

    known: tuple[tuple[MemberLine, int], ...]
    unknown: tuple[MemberLine, ...]


def resolve_lines(engine: sa.Engine, lines: Sequence[MemberLine]) -> Resolved:
    """Find the security of every line: the ticker's holder on its first day, or else the next holder within its days.

    A line without dates stands for today's holder, or the last one; of a member since the start, for the last holder
    within its days, under whose ticker it is exported.
    """
    held: dict[str, list[tuple[date, date, int]]] = {}
    intervals = intervals_of(engine, None).select("ticker", "valid_from", "valid_to", "security_id").sort("valid_from")
    for ticker, valid_from, valid_to, security_id in intervals.iter_rows():
        held.setdefault(ticker, []).append((valid_from, valid_to or date.max, security_id))
    known, unknown = [], []
    for line in lines:
        first, last = line.valid_from or date.min, line.valid_to or date.max
        holders = [holder for holder in held.get(line.ticker, ()) if holder[0] < last and first < holder[1]]
        if not holders:
            unknown.append(line)
        elif line.valid_from in (None, ALWAYS):
            known.append((line, holders[-1][2]))
        else:
            known.append((line, holders[0][2]))
    return Resolved(tuple(known), tuple(unknown))


def refuse_unknown(lines: Sequence[MemberLine]) -> None:
    """Refuse an import with tickers whose security is not known.

    Raises:
        BadInputError: names the first ten of the lines.
    """
    if lines:
        words = ", ".join(f"{line.ticker} (line {line.line})" for line in lines[:_LISTED])
        more = f" and {len(lines) - _LISTED} more" if len(lines) > _LISTED else ""
        raise BadInputError(
            "tickers", f"{words}{more}", "tickers in a list of the vendor; --skip-unknown leaves the others out"
        )


def import_universe(
    engine: sa.Engine,
    universe: str,
    resolved: Resolved,
    *,
    title: str,
    reason: str,
    run_id: str,
    now: datetime,
) -> Imported:
    """Make or replace a universe from the known lines: a list if they have no dates, else a dated universe.

    Args:
        engine: the store's.
        universe: canonical name.
        resolved: lines of one file.
        title: shown to people; used where the universe is new.
        reason: why, for the log and the event.
        run_id: the Dagster run, or cli.
        now: aware.

    Raises:
        BadInputError: no member is left, intervals of one security overlap, or the universe is of the other kind.
            Nothing was changed.
    """
    dated = any(line.valid_from or line.valid_to for line, _ in resolved.known)
    if dated and all((line.valid_from, line.valid_to) == (ALWAYS, None) for line, _ in resolved.known):
        entry = universe_entry(engine, universe)
        dated = entry is None or entry.membership != "static"  # the history of a list is the list
    if dated:
        rows = [
            GivenInterval(security_id, line.valid_from or ALWAYS, line.valid_to, line.line)
            for line, security_id in resolved.known
        ]
        with transaction(engine) as connection:
            return import_intervals(connection, universe, rows, title=title, reason=reason, run_id=run_id, now=now)
    tickers = [line.ticker for line, _ in resolved.known]
    outcome = set_list(engine, universe, tickers, title=title, reason=reason, run_id=run_id, now=now)
    return Imported(len(outcome.added), len(outcome.removed), outcome.members)


def exported(engine: sa.Engine, universe: str, on: date, *, history: bool) -> list[MemberLine]:
    """A universe as lines: its members on a session, or all members it ever had with their days.

    Args:
        engine: the store's.
        universe: canonical name.
        on: the session.
        history: export every interval with its days, under the ticker held on its first day, or of a member since the
            start on its last. A list has the same members on every session: all of them since the start.
    """
    spans = current_spans(engine, universe)
    if not history or not spans:
        tickers = (
            members_on(engine, universe, on)["ticker"].to_list() if spans else list(universe_tickers(engine, universe))
        )
        first = ALWAYS if history else None
        return [MemberLine(number, ticker, first, None) for number, ticker in enumerate(tickers, start=2)]
    intervals = intervals_of(engine, [span.security_id for span in spans]).sort("security_id", "valid_from")
    rows = pl.DataFrame(
        [(span.security_id, span.valid_from, span.valid_to) for span in spans],
        schema={"security_id": pl.Int64, "first": pl.Date, "last": pl.Date},
        orient="row",
    ).join(intervals, on="security_id")
    rows = rows.filter(pl.col("valid_to").is_null() | (pl.col("valid_to") > pl.col("first")))
    always, later = pl.col("first") == ALWAYS, pl.col("last").is_not_null() & (pl.col("valid_from") >= pl.col("last"))
    named = pl.concat(
        [
            rows.filter(~always).unique(["security_id", "first"], keep="first", maintain_order=True),
            rows.filter(always).sort(~later, "valid_from").unique("security_id", keep="last", maintain_order=True),
        ]
    ).sort("ticker", "first")
    return [
        MemberLine(number, ticker, first, last)
        for number, (ticker, first, last) in enumerate(named.select("ticker", "first", "last").iter_rows(), start=2)
    ]
