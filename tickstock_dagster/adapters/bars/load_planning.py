"""Resolving a request for bars against the store: expected cells, missing cells, and the calls that fill them.

Choosing the calls belongs in `core.loading.planning`, making them in `adapters.bars.loader`.

Longer than 250 lines because what is missing at a vendor, between two lists and in a file is decided side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import polars as pl

from tickstock_dagster.adapters.bars.answered import unanswered
from tickstock_dagster.adapters.bars.load_values import LoadRequest
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.loading.coverage import PLAN_HISTORY, needs_no_call
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.loading.processing import read_priorities, rules_mark
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.securities.listing_store import intervals_of, read_intervals
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.adapters.sources.protocol import MarketSource
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.loading.coverage import CELL_SCHEMA, absence_evidence
from tickstock_dagster.core.loading.expectation import expected_counts
from tickstock_dagster.core.loading.planning import LoadPlan, SourceLimits, UnitKind, WorkUnit, plan_load
from tickstock_dagster.core.loading.processing import in_order
from tickstock_dagster.core.loading.session_bits import cells_of, missing_cells
from tickstock_dagster.core.priority import Priority

_KIND = pl.Enum([kind.value for kind in UnitKind])
"""A byte for each cell, where text takes sixteen."""


@dataclass(frozen=True, slots=True)
class PlannedLoad:
    """A request resolved against the store: expected cells, and the calls to make.

    Attributes:
        expectation: securities and days of the request.
        counts: (session, expected), how many bars are expected on each session, stored ones included.
        plan: the calls.
        asked: the missing cells in which a bar is expected, as `CELL_SCHEMA` plus the `unit_id` and `kind` of the call
            that fills each; texts are categories, since a load keeps them to its end.
        bracketed: the same of cells in which there may be a bar, and which the calls fill as well.
        unproven: days on which nothing proves whose a ticker was, as
            `adapters.securities.identity_sync.UNPROVEN_SCHEMA`.
        doubtful: `CELL_SCHEMA` plus those days: expected cells among them, for which no call is made.
        priorities: by unit id.
        rules_mark: of the rules of equity types by which they were found.
        unknown: requested tickers that no list has.
    """

    expectation: Expectation
    counts: pl.DataFrame
    plan: LoadPlan
    asked: pl.DataFrame
    bracketed: pl.DataFrame
    unproven: pl.DataFrame
    doubtful: pl.DataFrame
    priorities: Mapping[str, Priority]
    rules_mark: int
    unknown: tuple[str, ...]


def plan_request(
    context: LoadContext[MarketSource],
    calendar: SessionCalendar,
    request: LoadRequest,
    unproven: pl.DataFrame,
    now: datetime,
) -> PlannedLoad:
    """Resolve a request: expected cells, missing cells, and the calls that fill them, the most urgent first.

    Args:
        context: source, store, market and run.
        calendar: the market's, with its overrides applied.
        request: tickers and sessions, at least one of each.
        unproven: days on which nothing proves whose a ticker was, as
            `adapters.securities.identity_sync.UNPROVEN_SCHEMA`.
        now: aware.

    Raises:
        BadInputError: a ticker is unknown and the request is strict, or none of its tickers is known.
        ServiceUnavailableError: the database cannot be reached.
    """
    first, last = request.sessions[0], request.sessions[-1]
    expectation = _expectation(context, request)
    left = set(request.tickers) - set(expectation.intervals["ticker"])
    if left and request.universes is not None:  # members may be expected on other sessions
        left -= set(read_intervals(context.engine, sorted(left))["ticker"])
    unknown = tuple(sorted(left))
    if unknown and (request.strict or len(unknown) == len(set(request.tickers))):
        held = read_intervals(context.engine)["ticker"].to_list()
        raise BadInputError("symbol", ", ".join(unknown), choices(unknown[0], held))
    expected = expectation.cells(request.sessions)
    settled = needs_no_call(
        context.engine,
        first,
        last,
        now,
        history=history_words(context.source),
        ask_again=request.ask_again or context.source.capabilities.own_rows,
        refresh=request.refresh,
    )
    if request.reread:
        settled = settled.clear()
    missing = expected
    if settled.height:
        missing = missing_cells(expectation.stretches, request.sessions, settled).sort("security_id", "session")
    doubtful = _inside(missing, unproven)
    if doubtful.height:
        missing = missing.join(doubtful, on=["security_id", "session"], how="anti")
    offers = context.source.capabilities
    if isinstance(context.source, FileSource) and offers.own_rows:
        broken = request.ask_again or request.reread
        missing = _missing_of_file(context, context.source, expected, cells_of(settled), broken=broken)
    limits = SourceLimits(
        context.source.name, offers.range_bars, offers.grouped_bars, offers.max_range_rows, context.source.plan
    )
    sought = _sought(context, expectation, request, expected, settled)
    sought = sought.join(_inside(sought, unproven), on=["security_id", "session"], how="anti")
    wanted = pl.concat([missing, sought]) if sought.height else missing
    plan = plan_load(wanted, calendar.sessions(first, last), context.market, limits, now=now)
    beyond = plan.out_of_history
    if beyond.height:
        beyond = beyond.join(missing, on=["security_id", "session"], how="semi")
    plan = replace(plan, cells=missing.height - beyond.height, out_of_history=beyond)
    asked = _assign(missing, plan.units)
    bracketed = _assign(sought, plan.units)
    mark = rules_mark(context.engine)
    priorities = read_priorities(context.engine, asked)
    plan = replace(plan, units=in_order(plan.units, priorities))
    counts = expected_counts(request.sessions, expectation.stretches)
    asked, bracketed = _as_categories(asked), _as_categories(bracketed)
    return PlannedLoad(expectation, counts, plan, asked, bracketed, unproven, doubtful, priorities, mark, unknown)


def _as_categories(cells: pl.DataFrame) -> pl.DataFrame:
    """The same cells in a third of the memory."""
    return cells.cast({name: pl.Enum(cells[name].unique()) for name in ("ticker", "unit_id")})


def _inside(cells: pl.DataFrame, unproven: pl.DataFrame) -> pl.DataFrame:
    """The cells of days on which nothing proves whose a ticker was, with these days."""
    return cells.join(unproven, on="security_id").filter(
        (pl.col("session") >= pl.col("unproven_from")) & (pl.col("session") < pl.col("unproven_to"))
    )


def _sought(
    context: LoadContext[MarketSource],
    expectation: Expectation,
    request: LoadRequest,
    expected: pl.DataFrame,
    settled: pl.DataFrame,
) -> pl.DataFrame:
    """The cells between two lists of which one lacks the security, and about which no good answer has spoken yet.

    Whether there is a bar shows whether it was listed, so that each is asked for once; nothing is missing without one.

    Args:
        context: source, store, market and run.
        expectation: of the request.
        request: tickers and sessions.
        expected: `CELL_SCHEMA`.
        settled: `BITS_SCHEMA`, cells that need no call.
    """
    key = ["security_id", "session"]
    cells = missing_cells(expectation.brackets, request.sessions, settled).sort(key)
    if cells.height:
        cells = cells.join(
            expected.join(cells, on=key, how="semi"), on=key, how="anti"
        )  # few of them, not all of those
    return cells if request.ask_again else unanswered(context, cells)


def _missing_of_file(
    context: LoadContext[MarketSource],
    source: FileSource,
    expected: pl.DataFrame,
    settled: pl.DataFrame,
    *,
    broken: bool,
) -> pl.DataFrame:
    """The missing cells of which a file can say something that this very content has not said.

    That it has no row of a cell, or a broken one, was said before, whatever the content was called then; another
    content is asked. A cell whose absence a vendor explained for good is missing if the file has its bar. A bar that
    another content brought is asked for once: a corrected file restates it. A vendor's bars stay.

    Args:
        context: source, store, market and run.
        source: the file.
        expected: `CELL_SCHEMA`.
        settled: (security_id, session) of cells that need no call.
        broken: also the cells of broken rows of this content: what counts as broken may have changed.
    """
    cells = source.within(expected)
    if cells.is_empty():
        return cells
    key = ["security_id", "session"]
    span: dict[str, Any] = {"first": cells["session"].min(), "last": cells["session"].max()}
    stored = read_frame(context.engine, statement("bars/cells_stored"), (span["first"], span["last"], source.name))
    stored = stored.cast({"security_id": pl.Int64, "session": pl.Date})
    others = cells.join(stored.filter("restatable"), on=key, how="semi")
    restated = unanswered(context, _of_file(others, source, "semi"))
    cells = cells.join(stored, on=key, how="anti")
    values = {
        **span,
        "security_ids": cells["security_id"].unique().to_list(),
        "evidence": absence_evidence(source.name),
        "broken": None if broken else source.name,
    }
    with transaction(context.engine) as connection:
        rows = connection.execute(statement("loading/gaps_by_answer"), values).fetchall()
    lacked = pl.DataFrame([row[:2] for row in rows], schema={name: CELL_SCHEMA[name] for name in key}, orient="row")
    explained = _of_file(cells.join(settled, on=key, how="semi"), source, "anti")
    absent = cells.join(lacked, on=key, how="anti").join(explained, on=key, how="anti")
    return pl.concat([absent, restated])


def _of_file(cells: pl.DataFrame, source: FileSource, how: Literal["semi", "anti"]) -> pl.DataFrame:
    """Those of some cells of which the file has a row, or has none; a first load has no cells to look for."""
    return cells if cells.is_empty() else cells.join(source.cells(), on=["ticker", "session"], how=how)


def _expectation(context: LoadContext[MarketSource], request: LoadRequest) -> Expectation:
    if request.universes is None and context.source.capabilities.own_rows:
        with transaction(context.engine) as connection:
            held = connection.execute(
                statement("securities/intervals_of_tickers"), {"tickers": list(request.tickers)}
            ).fetchall()
        # Of a ticker that passed from one to another, the file's rows are of both.
        return Expectation(intervals_of(context.engine, sorted({row[0] for row in held})))
    if request.universes is None:
        return Expectation.of_tickers(context.engine, request.tickers)
    first, last = request.sessions[0], request.sessions[-1]
    names = request.universes or None
    return Expectation.of_universes(context.engine, names, first, last, stated=request.owed, market=context.market)


def history_words(source: MarketSource) -> str:
    """The evidence of gaps before the plan's history."""
    plan = source.plan
    return f"{PLAN_HISTORY}{plan.name.value} reaches back {plan.history_years} years" if plan else ""


def _assign(missing: pl.DataFrame, units: Sequence[WorkUnit]) -> pl.DataFrame:
    """Each missing cell with the unit that fills it, as `CELL_SCHEMA` plus `unit_id` and `kind`."""
    table = pl.DataFrame(
        [(unit.unit_id, unit.kind.value, unit.subject, unit.first, unit.last) for unit in units],
        schema={"unit_id": pl.String, "kind": _KIND, "ticker": pl.String, "first": pl.Date, "last": pl.Date},
        orient="row",
    )
    by_range = (
        missing.join(table.filter(pl.col("kind") == UnitKind.RANGE.value), on="ticker")
        .filter(pl.col("session").is_between("first", "last"))
        .drop("first", "last")
    )
    columns = [*CELL_SCHEMA, "unit_id", "kind"]
    whole = table.filter(pl.col("kind") != UnitKind.RANGE.value).select("unit_id", "kind", session="first")
    if whole.is_empty():
        return by_range.select(columns)
    rest = missing.join(by_range.select("security_id", "session"), on=["security_id", "session"], how="anti")
    by_session = rest.join(whole, on="session")
    return pl.concat([by_range.select(columns), by_session.select(columns)])
