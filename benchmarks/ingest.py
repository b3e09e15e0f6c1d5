"""Our ingest beside bare staged merges, raw COPY, dlt, ArcticDB and pandas: 505 tickers × 1,259 sessions, first load.

    python -m benchmarks.ingest [--rounds N] [--without-rivals | --only-bounds]

Ours begins with the rows in memory, as the source delivers them, and does what a load does with them: note the
planned work units, validate every row, quarantine the broken ones, explain absent cells, and in one transaction per
batch store rows, gaps, ends of units and events; the whole load also lists, plans and counts what is complete. A bare
merge stores the same good rows, ready made: COPY into a TEMP table and one INSERT … ON CONFLICT DO UPDATE, in batches
of our size and in one transaction. It does so into our table (columns, keys, indexes, checks, guards: the floor) and
into a copy of it with a foreign key to `securities`, as the table was (the rival).
"""

import argparse
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import polars as pl

from benchmarks import rivals
from benchmarks.market_rows import FIRST, LAST, MarketRows, RowsInMemory, market_calendar, market_rows
from benchmarks.measuring import Contender, Cost, console, paired_ratios, run_rounds, show
from benchmarks.servers import Servers, running_servers
from tickstock_dagster.adapters.bars.answer_validation import AnswerValidator
from tickstock_dagster.adapters.bars.load_planning import PlannedLoad, plan_request
from tickstock_dagster.adapters.bars.load_values import LoadRequest
from tickstock_dagster.adapters.bars.loader import BarLoader
from tickstock_dagster.adapters.bars.store import NOTHING_STORED, StoreResult, store_batch
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.ledger.units import record_plan
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.securities.identity_sync import UNPROVEN_SCHEMA
from tickstock_dagster.adapters.securities.listing_sync import ListingSync
from tickstock_dagster.adapters.sources.fetcher import FLUSH_ROWS, fetch_bars
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.events.envelope import Event, JobProgress

FLOOR_BOUND = 1.5
"""Ours without listings, planning and completeness, of the stricter bare merge into our table."""

BY_ROW_BOUND = 0.9
"""The whole load, of the better bare merge into the table with its row-wise foreign key."""

ARCTIC_BOUND = 2.0
"""The whole load, of ArcticDB on LMDB."""
NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Ingest:
    """Our ingest of some rows. The template has the listings, as a load has them when the first answer arrives."""

    rows: MarketRows
    source: RowsInMemory
    planned: PlannedLoad

    @classmethod
    def prepare(cls, servers: Servers, rows: MarketRows) -> "Ingest":
        """Load the listings into the template, and plan."""
        engine, source, calendar = open_engine(servers.url(servers.template)), RowsInMemory(rows), market_calendar()
        context = LoadContext(source, engine, MARKET, "listings", lambda: NOW)
        ListingSync(context).ensure(rows.tickers, FIRST, LAST, calendar.latest_closed_session(NOW))
        request, nobody = LoadRequest(rows.tickers, rows.sessions), pl.DataFrame(schema=UNPROVEN_SCHEMA)
        return cls(rows, source, plan_request(context, calendar, request, nobody, NOW))

    def load(self, url: str, now: datetime = NOW) -> StoreResult:
        """Validate and store all rows, in the loader's batches."""
        engine, run_id, planned = open_engine(url), f"run-{now.isoformat()}", self.planned
        units = planned.plan.units
        record_plan(engine, units, run_id=run_id, priorities={}, now=now)
        context = LoadContext(self.source, engine, MARKET, run_id, lambda: now)
        validator = AnswerValidator(
            context,
            market_calendar(),
            planned.expectation.intervals,
            planned.asked,
            planned.bracketed,
            planned.unproven,
            planned.counts,
        )
        stored, done = NOTHING_STORED, 0
        for answers in fetch_bars(self.source, units, lambda: now, workers=8):
            done += len(answers)
            batch, _ = validator.validate(answers, now)
            progress = JobProgress(
                job_id="benchmark", run_id=run_id, done=done, total=len(units), unit="symbols", symbol=None
            )
            batch.events = [Event.of(progress, time=now, dedupe_key=f"{done}/{len(units)}")]
            stored += store_batch(engine, batch)
        return stored

    def first_load(self, url: str) -> None:
        """`load` into an empty database; checks that all rows are there."""
        stored = self.load(url)
        broken = self.rows.frame.height - self.rows.good.height
        assert stored.inserted == self.rows.good.height, stored
        assert stored.quarantined == broken, stored

    def whole_load(self, url: str, now: datetime = NOW) -> StoreResult:
        """What `tickstock load` does: also listings, reading what is stored, planning and the final completeness."""
        context = LoadContext(self.source, open_engine(url), MARKET, "run", lambda: now)
        return BarLoader(context, market_calendar()).load(LoadRequest(self.rows.tickers, self.rows.sessions)).stored

    def whole_first_load(self, url: str) -> None:
        """`whole_load` into an empty database; checks that all rows are there."""
        stored = self.whole_load(url)
        assert stored.inserted == self.rows.good.height, stored

    def finished_rows(self) -> pl.DataFrame:
        """The good rows as the table has them afterwards, by its key: what the floor and the rivals store."""
        hours = market_calendar().session_hours(FIRST, LAST)
        closes = pl.DataFrame(
            {"session": [day.session for day in hours], "closes_at": [day.closes_at for day in hours]},
            schema={"session": pl.Date, "closes_at": pl.Datetime("us", "UTC")},
        )
        return (
            self.rows.good.join(self.planned.expectation.intervals.select("ticker", "security_id"), on="ticker")
            .join(closes, on="session")
            .with_columns(pl.col("volume").cast(pl.Int64), status=pl.lit("final"))
            .select(rivals.COLUMNS)
            .sort("security_id", "session")
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds (5); expensive rivals take part in every third")
    parser.add_argument("--without-rivals", action="store_true", help="without dlt, ArcticDB and pandas")
    parser.add_argument("--only-bounds", action="store_true", help="only what the bounds are about")
    arguments = parser.parse_args()
    rows = market_rows()
    with running_servers() as servers, tempfile.TemporaryDirectory(prefix="tickstock-bench-rivals-") as folder:
        rivals.make_table_by_row(servers)
        ingest = Ingest.prepare(servers, rows)
        finished = ingest.finished_rows()
        at = rivals.Constants(source=ingest.source.name, now=NOW)
        count = finished.height
        batches = -(-count // FLUSH_ROWS)
        ours = Contender("ours: validated, quarantined, explained, ledger, events", ingest.first_load, count)
        whole = Contender("ours with listings, planning, completeness", ingest.whole_first_load, count)
        floors = [
            Contender("bare merge, one transaction", partial(rivals.bare_merge, finished, at, 1), count),
            Contender(f"bare merge, {batches} batches", partial(rivals.bare_merge, finished, at, batches), count),
        ]
        by_row = [
            Contender(
                f"bare merge into the table with a row-wise foreign key, {words}",
                partial(rivals.bare_merge, finished, at, number, table=rivals.BY_ROW),
                count,
                table=rivals.BY_ROW,
            )
            for number, words in ((1, "one transaction"), (batches, f"{batches} batches"))
        ]
        arctic = rivals.arcticdb(finished, Path(folder))
        others = [Contender("raw COPY into the table", partial(rivals.raw_copy, finished, at), count, every=2)]
        if not arguments.without_rivals:
            others += [arctic, *rivals.contenders(finished, at, Path(folder))]
        if arguments.only_bounds:
            others = [] if arguments.without_rivals else [arctic]
        run_rounds(servers, [ours, whole, *floors, *by_row, *others], arguments.rounds)
    floor = min(floors, key=lambda contender: contender.wall)
    show(f"first load, {rows.label}", [ours, whole, *floors, *by_row, *others], floor, count)
    say("ours / floor, the stricter variant", paired_ratios(ours, floors), FLOOR_BOUND)
    say("whole load / row-wise foreign key, the stricter variant", paired_ratios(whole, by_row), BY_ROW_BOUND)
    if arctic in others:
        say("whole load / ArcticDB", paired_ratios(whole, [arctic]), ARCTIC_BOUND)


def say(what: str, ratio: Cost, bound: float) -> None:
    """Print a ratio beside its bound."""
    met = "met" if max(ratio.wall, ratio.cpu) <= bound else "NOT MET"
    console.print(f"{what}: [bold]{ratio.wall:.2f} × wall, {ratio.cpu:.2f} × CPU[/]; bound {bound} ×: {met}")


if __name__ == "__main__":
    main()
