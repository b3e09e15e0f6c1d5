"""Choosing the source: the vendor with a key, its simulator without, or a file.

Settings in, a `MarketSource` out. The simulator is started elsewhere; its address is an argument.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from tickstock_dagster.adapters.sources.adaptive_rate import AdaptiveRateLimiter
from tickstock_dagster.adapters.sources.protocol import PROBE_TICKER, MarketSource
from tickstock_dagster.adapters.sources.rate_limit import (
    LocalRateLimiter,
    PostgresRateLimiter,
    RateLimiter,
    rate_bucket,
)
from tickstock_dagster.core.errors import BadInputError, ConfigurationError
from tickstock_dagster.core.loading.vendor_plans import PLANS, PlanName, VendorPlan
from tickstock_dagster.settings import SIMULATOR_KEY, Settings

MASSIVE_URL = "https://api.massive.com"

ACCEPTED = "massive, simulator or files:PATH"


def configured_source(settings: Settings) -> str:
    """The name of the source that is asked where none is chosen: the vendor with a key, else the simulator."""
    return "massive" if settings.massive_api_key else "simulator"


def plan_in_force(settings: Settings) -> VendorPlan:
    """The key's plan, with its rate replaced where the settings say so: whether more is tolerated is unknown then."""
    plan, calls = PLANS[settings.massive_plan], settings.massive_calls_per_second
    return plan if calls is None else replace(plan, calls=calls, per_seconds=1, tolerated=calls)


def open_source(
    settings: Settings,
    *,
    source: str | None = None,
    simulator_url: str | None = None,
    database_url: str | None = None,
    threads: int = 16,
    probe_ticker: str = PROBE_TICKER,
    sleep: Callable[[float], None] = time.sleep,
) -> MarketSource:
    """The source of market data. Opens no connection yet.

    Args:
        settings: key, address, plan.
        source: "massive", "simulator" or "files:PATH" (see `core.bars.file_options`); None: the vendor where a key is
            set, else the simulator.
        simulator_url: where the simulator answers, unless MASSIVE_BASE_URL says otherwise.
        database_url: the warehouse, through which all processes share the key's rate; None: this process alone.
        threads: at most this many calls at once.
        probe_ticker: ticker whose bar shows that a session is out; not SPY where a simulator serves bars without it.
        sleep: waits so many seconds for the rate limit.

    Raises:
        BadInputError: the source is unknown.
        ConfigurationError: a key or an address that the source needs is not set, or is not accepted.
    """
    key = settings.massive_api_key.get_secret_value() if settings.massive_api_key else None
    chosen = source or configured_source(settings)
    if chosen.startswith("files:"):
        return _files(chosen)
    plan = plan_in_force(settings)
    if chosen == "massive":
        from tickstock_dagster.adapters.sources.massive.source import MassiveSource

        if key is None:
            raise ConfigurationError("MASSIVE_API_KEY is not set: the source massive needs the vendor's key")
        base_url = settings.massive_base_url or MASSIVE_URL
        return MassiveSource(
            key,
            base_url,
            plan,
            _adaptive(database_url, key, plan, sleep),
            threads=threads,
            probe_ticker=probe_ticker,
        )
    if chosen == "simulator":
        from tickstock_dagster.adapters.sources.massive.source import MassiveSource

        # With a key, MASSIVE_BASE_URL is the vendor's address, not the simulator's.
        address = simulator_url if key else (settings.massive_base_url or simulator_url)
        if address is None:
            raise ConfigurationError("the simulator is not running: `tickstock services up`, or set MASSIVE_API_KEY")
        limiter = _adaptive(database_url, SIMULATOR_KEY, plan, sleep)
        return MassiveSource(
            SIMULATOR_KEY, address, plan, limiter, name="simulator", threads=threads, probe_ticker=probe_ticker
        )
    raise BadInputError("source", chosen, ACCEPTED)


def _files(chosen: str) -> MarketSource:
    from tickstock_dagster.adapters.sources.bar_files import given_path, is_there
    from tickstock_dagster.adapters.sources.file_source import FileSource
    from tickstock_dagster.core.bars.file_options import parse_file_text

    text, options = parse_file_text(chosen.removeprefix("files:"))
    path = given_path(text)
    if not text or not is_there(path):
        raise BadInputError("source", chosen, f"{ACCEPTED}; PATH is an existing Parquet or CSV file, or a folder")
    return FileSource(path, options)


@lru_cache(maxsize=32)
def _limiter(database_url: str | None, bucket: str, plan: VendorPlan, sleep: Callable[[float], None]) -> RateLimiter:
    """One limiter, with one connection, per process and bucket, however often a source is opened."""
    if database_url is None:
        return LocalRateLimiter(plan, sleep=sleep)
    return PostgresRateLimiter(database_url, bucket, plan, sleep=sleep)


def _adaptive(database_url: str | None, key: str, plan: VendorPlan, sleep: Callable[[float], None]) -> RateLimiter:
    """The plan's limiter, which falls back to the free plan's rate where the key turns out to have no other."""
    usual = _limiter(database_url, rate_bucket(key, plan), plan, sleep)
    free = PLANS[PlanName.FREE]
    if plan.per_seconds >= free.per_seconds:
        return usual
    return _adapting(usual, _limiter(database_url, rate_bucket(key, free), free, sleep))


@lru_cache(maxsize=16)
def _adapting(usual: RateLimiter, slow: RateLimiter) -> RateLimiter:
    """One per pair, so that what one source finds out about the key holds for all of this process."""
    return AdaptiveRateLimiter(usual, slow)
