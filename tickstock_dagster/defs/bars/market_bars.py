"""Bars of the markets outside the US, from local files: one factory makes an asset for each calendar.

An asset's partitions are the sessions of its own calendar, in its own zone: a holiday in New York stops nothing in
Tokyo. The US market has assets of its own in `defs.bars.assets`; what loads these by itself is made by
`defs.bars.market_automation`, their checks by `defs.quality.market_checks`.
"""

from collections.abc import Iterator
from datetime import date
from functools import cache

import dagster as dg
from pydantic import Field

from tickstock_dagster.adapters.bars.load_values import LoadRequest
from tickstock_dagster.adapters.loading.expectation import universe_tickers_between
from tickstock_dagster.adapters.securities.file_listings import file_spans
from tickstock_dagster.adapters.securities.market_store import register_listings
from tickstock_dagster.adapters.universes.market_lists import market_universe, track_market
from tickstock_dagster.core.calendars.markets import Market, market_named
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.defs.bars.eod_reports import EodAttempt
from tickstock_dagster.defs.bars.market_files import MarketFiles, resource_key
from tickstock_dagster.defs.bars.reports import AssetEvent, report_sessions
from tickstock_dagster.defs.bars.runs import BarRun
from tickstock_dagster.defs.resources import Clock, RedisNotifications, WarehouseResource
from tickstock_dagster.defs.runs import failures
from tickstock_dagster.defs.session_windows import session_partitions
from tickstock_dagster.defs.tags import BAR_COLUMNS, OWNERS

MARKETS = ("XTKS", "XLON", "XETR")
"""MICs of the markets that the vendor does not serve."""

START = date(2015, 1, 5)
"""The first partition is the first session on or after this day."""


class MarketConfig(dg.Config):
    """Options of a load of a market's sessions."""

    owed: bool = Field(
        False, description="Load only what is owed. Otherwise the market's bars are expected from the first session on."
    )


@cache
def market_asset(mic: str) -> dg.AssetsDefinition:
    """The asset `<mic>/session_bars`: one object for a market, which its job and its checks name."""
    market = market_named(mic)

    @dg.asset(
        name="session_bars",
        key_prefix=mic.lower(),
        partitions_def=session_partitions(mic, START),
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        group_name="markets",
        kinds={"python", "postgres", "polars"},
        owners=OWNERS,
        tags={"domain": "bars", "cadence": "session"},
        # By name: each market has a resource of its own for its file, and a parameter cannot have a computed name.
        required_resource_keys={"warehouse", "notifications", "clock", resource_key(mic)},
        metadata={"dagster/column_schema": BAR_COLUMNS, "dagster/table_name": "public.ohlcv_daily"},
        description=f"All bars of one session of {market.name} from the file that TICKSTOCK_FILES_{mic} names; as "
        f"printed, in {market.currency}. Tickers carry the market, as in 7203.XTKS. Its tickers are the members of the "
        f"universe {market_universe(mic)}, whose bars are expected from the first session that is loaded on.",
        code_version="2",
    )
    def session_bars(context: dg.AssetExecutionContext, config: MarketConfig) -> Iterator[AssetEvent]:
        notifications: RedisNotifications = context.resources.notifications
        run = _open(context, mic)
        days = run.closed_sessions(context.partition_keys)
        attempt = EodAttempt.of(context, run, days, notifications, chosen=False)
        with attempt.reporting():
            with failures():
                tickers = _track(run, market, days, owed=config.owed)
            request = LoadRequest(
                tickers, tuple(days), universes=(market_universe(mic),), owed=config.owed, ask_again=True
            )
            report = run.load(request, attempt.progress)
        yield from report_sessions(context, run, report, notifications, attempt, chosen=False)

    return session_bars


def _open(context: dg.AssetExecutionContext, mic: str) -> BarRun:
    warehouse: WarehouseResource = context.resources.warehouse
    clock: Clock = context.resources.clock
    files: MarketFiles = getattr(context.resources, resource_key(mic))
    with failures():
        if files.lacks:
            raise BadInputError(f"TICKSTOCK_FILES_{mic}", "nothing", "files:PATH of an existing file")
        engine, calendar = warehouse.engine(), warehouse.calendar(mic)
        return BarRun(engine, calendar, context.run.run_id, clock, clock.now(), files.open())


def _track(run: BarRun, market: Market, days: tuple[date, ...], *, owed: bool) -> tuple[str, ...]:
    """Register and track the tickers of the file; returns those of the market whose bars are expected on some days.

    Args:
        run: its source is the file.
        market: of the file.
        days: sessions of the load; none where overrides cancelled them all.
        owed: the load asks for what is owed alone, and leaves the first session as it is.

    Raises:
        BadInputError: the file cannot be read, or has no row.
    """
    spans, now = run.source.spans(), run.clock.now()  # type: ignore[attr-defined]  # a file
    tickers = tuple(spans["ticker"])
    if not tickers:
        raise BadInputError(f"TICKSTOCK_FILES_{market.mic}", run.source.name, "a file with rows")
    ends = {span.ticker: span.ends_on for span in file_spans(run.source) if span.ends_on}  # type: ignore[arg-type]
    register_listings(run.engine, market, spans, now=now, ends=ends)
    if not days:
        return tickers
    first = None if owed else days[0]
    reach = run.calendar.next_session(days[-1])
    track_market(run.engine, market.mic, tickers, track_from=first, reach=reach, run_id=run.run_id, now=now)
    universe = market_universe(market.mic)
    return universe_tickers_between(run.engine, (universe,), days[0], days[-1], market=market.mic)


@dg.definitions
def markets() -> dg.Definitions:
    """The assets, each with its file. Without its variable, a market's run fails and names the variable."""
    return dg.Definitions(
        assets=[market_asset(mic) for mic in MARKETS],
        resources={resource_key(mic): MarketFiles(mic=mic) for mic in MARKETS},
    )
