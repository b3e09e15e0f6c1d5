"""Bars of the markets outside the US, from local files: one factory makes an asset for each calendar.

An asset's partitions are the sessions of its own calendar, in its own zone: a holiday in New York stops nothing in
Tokyo. The US market has assets of its own in `defs.bars.assets`.
"""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from tickstock_dagster.adapters.bars.load_values import LoadReport, LoadRequest
from tickstock_dagster.adapters.bars.loader import BarLoader
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.securities.market_store import register_listings
from tickstock_dagster.adapters.sources.market_files import MarketFileSource
from tickstock_dagster.core.bars.file_options import parse_file_text
from tickstock_dagster.core.calendars.markets import Market, market_named
from tickstock_dagster.core.calendars.session_calendar import (
    LAST_DAY,
    SessionCalendar,
    library_calendar,
    partition_exclusions,
)
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.end_of_day import reaches_objective
from tickstock_dagster.defs.bars.reports import AssetEvent
from tickstock_dagster.defs.resources import Clock, WarehouseResource
from tickstock_dagster.defs.runs import failures
from tickstock_dagster.defs.tags import BAR_COLUMNS, OWNERS

MARKETS = ("XTKS", "XLON", "XETR")
"""MICs of the markets that the vendor does not serve."""

START = date(2015, 1, 5)
"""The first partition is the first session on or after this day."""


class MarketFiles(dg.ConfigurableResource["MarketFiles"]):
    """Where a market's bars come from."""

    source: str = Field(description="files:PATH, a Parquet or CSV file of daily bars.")

    def open(self, market: Market) -> MarketFileSource:
        """The file; nothing is read yet.

        Raises:
            BadInputError: not files:PATH, or there is no such file.
        """
        text, options = parse_file_text(self.source.removeprefix("files:"))
        path = Path(text).expanduser()
        if not self.source.startswith("files:") or not text or not path.exists():
            raise BadInputError(f"TICKSTOCK_FILES_{market.mic}", self.source, "files:PATH of an existing file")
        return MarketFileSource(path, market, options)


def market_sessions(mic: str) -> dg.DailyPartitionsDefinition:
    """One partition per session of a market; keys are ISO dates in its own zone."""
    calendar = library_calendar(mic)
    return dg.DailyPartitionsDefinition(
        start_date=datetime.combine(START, datetime.min.time()),
        timezone=str(calendar.timezone),
        end_offset=1,
        exclusions=["0 0 * * 6", "0 0 * * 0", *partition_exclusions(calendar, START, LAST_DAY)],
    )


def market_asset(mic: str) -> dg.AssetsDefinition:
    """The asset `<mic>/session_bars`."""
    market = market_named(mic)

    @dg.asset(
        name="session_bars",
        key_prefix=mic.lower(),
        partitions_def=market_sessions(mic),
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        group_name="markets",
        kinds={"python", "postgres", "polars"},
        owners=OWNERS,
        tags={"domain": "bars", "cadence": "session"},
        # By name: each market has a resource of its own for its file, and a parameter cannot have a computed name.
        required_resource_keys={"warehouse", "clock", _resource_key(mic)},
        metadata={"dagster/column_schema": BAR_COLUMNS, "dagster/table_name": "public.ohlcv_daily"},
        description=f"All bars of one session of {market.name} from the file that TICKSTOCK_FILES_{mic} names; as "
        f"printed, in {market.currency}. Tickers carry the market, as in 7203.XTKS.",
        code_version="1",
    )
    def session_bars(context: dg.AssetExecutionContext) -> Iterator[AssetEvent]:
        warehouse: WarehouseResource = context.resources.warehouse
        clock: Clock = context.resources.clock
        files: MarketFiles = getattr(context.resources, _resource_key(mic))
        with failures():
            calendar, now = warehouse.calendar(mic), clock.now()
            days = _closed(context, calendar, now)
            source, engine = files.open(market), warehouse.engine()
            spans = source.spans()
            register_listings(engine, market, spans, now=now)
            load = LoadContext(source, engine, mic, context.run.run_id, clock.now)
            report = BarLoader(load, calendar).load(LoadRequest(tuple(spans["ticker"]), days)) if days else None
        yield from _report(context, report)

    return session_bars


def _resource_key(mic: str) -> str:
    return f"files_{mic.lower()}"


def _closed(context: dg.AssetExecutionContext, calendar: SessionCalendar, now: datetime) -> tuple[date, ...]:
    """The sessions of the partitions, ascending; those that an override cancelled are left out."""
    if not context.partition_keys:
        raise dg.Failure("no partition is selected: is the range inverted?", allow_retries=False)
    days = sorted(date.fromisoformat(key) for key in context.partition_keys)
    traded = tuple(day for day in days if calendar.is_session(day))
    latest = calendar.latest_closed_session(now)
    if traded and traded[-1] > latest:
        words = f"session {traded[-1]} has not closed yet: the latest closed one is {latest}"
        raise dg.Failure(words, allow_retries=False)
    return traded


def _report(context: dg.AssetExecutionContext, report: LoadReport | None) -> Iterator[AssetEvent]:
    """Materialise the complete sessions; fail if any is incomplete."""
    if report is None:
        yield dg.MaterializeResult(metadata={"market_closed": ", ".join(context.partition_keys)})
        return
    left = [state for state in report.states if not reaches_objective(state)]
    metadata: dict[str, Any] = {
        "bars_expected": sum(state.expected - state.final for state in report.states),
        "bars_stored": sum(state.stored for state in report.states),
        "bars_new": report.stored.inserted,
        "bars_restated": report.stored.restated,
        "gaps": dict(report.gaps),
        "seconds": round(report.seconds, 3),
    }
    if not left:
        yield dg.MaterializeResult(metadata=metadata)
        return
    late = {str(state.session) for state in left}
    for key in context.partition_keys:
        if key not in late:
            yield dg.AssetMaterialization(context.asset_key, partition=key, metadata=metadata)
    worst = min(left, key=lambda state: state.ratio)
    raise dg.Failure(
        f"{len(left)} of {len(context.partition_keys)} sessions stay incomplete; worst {worst.session}: "
        f"{worst.stored} of {worst.expected - worst.final} bars",
        metadata=metadata,
        allow_retries=False,
    )


@dg.definitions
def markets() -> dg.Definitions:
    """The assets, each with its file. Without its variable, a market's run fails and names the variable."""
    return dg.Definitions(
        assets=[market_asset(mic) for mic in MARKETS],
        resources={_resource_key(mic): MarketFiles(source=dg.EnvVar(f"TICKSTOCK_FILES_{mic}")) for mic in MARKETS},
    )
