"""What the tests of the Dagster shell share: one object that runs jobs and looks at what they left behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.core.universes.profiles import STOCKS
from tickstock_dagster.definitions import definitions
from tickstock_dagster.defs.resources import Clock, RedisNotifications, VendorResource, WarehouseResource
from tickstock_dagster.defs.tags import RANGE_END, RANGE_START
from tickstock_dagster.settings import DAGSTER_SWITCHES, load_settings
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.kept_connections import run

SUNDAY = datetime(2026, 11, 22, 15, tzinfo=UTC)
MON, TUE, WED, THU, FRI = (date(2026, 11, day) for day in (16, 17, 18, 19, 20))
FEW = ("AAPL", "MSFT", "SPY")
FORTY = STOCKS[:40]
"""Two of them may be missing (95 %), three may not."""


@cache
def all_definitions() -> dg.Definitions:
    """The code location, loaded once; resources read the environment when a run begins."""
    return definitions()


@dataclass(frozen=True)
class Factory:
    """A store, an instance and a vendor; the environment names them."""

    database_url: str
    redis_url: str
    vendor: RunningSimulator
    instance: dg.DagsterInstance
    monkeypatch: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        self.configure(
            TICKSTOCK_DATABASE_URL=self.database_url,
            TICKSTOCK_REDIS_URL=self.redis_url,
            MASSIVE_BASE_URL=self.vendor.url,
            MASSIVE_PLAN="advanced",
            MASSIVE_CALLS_PER_SECOND="100",
            **DAGSTER_SWITCHES,
        )

    def configure(self, **variables: str) -> None:
        """Set environment variables."""
        for name, value in variables.items():
            self.monkeypatch.setenv(name, value)
        load_settings.cache_clear()

    @property
    def engine(self) -> sa.Engine:
        """The store, as our own code opens it."""
        return open_engine(self.database_url)

    def resources(self, now: datetime) -> dict[str, Any]:
        """What schedules and sensors are given; their clock and the vendor's stand at `now`."""
        self.vendor.set_now(now)
        return {
            "warehouse": WarehouseResource(database_url=self.database_url),
            "vendor": VendorResource(database_url=self.database_url),
            "notifications": RedisNotifications(database_url=self.database_url, redis_url=self.redis_url),
            "clock": Clock(fixed=now.isoformat()),
        }

    def track(self, *tickers: str, universe: str = "tests", since: date = FRI) -> None:
        """The bars of `tickers` are expected from a session on, and from what a run loads before without a hole."""
        write_universe(self.engine, universe, "list", universe, tickers or FEW, track_from=since, now=SUNDAY)

    def run(
        self,
        job: str,
        first: date | str | None = None,
        last: date | str | None = None,
        *,
        now: datetime = SUNDAY,
        config: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        resources: Mapping[str, Any] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Execute a job on one partition or, with `last`, in one run on a range. `config` is the bar asset's.

        A range may hold sessions that lie ahead by the real clock; a partition may not.
        """
        self.vendor.set_now(now)
        asset = "us__ohlcv_daily" if job == "us_symbols" else f"{job.partition('_')[0]}__session_bars"
        alone = str(first) if first and not last else None
        span = {RANGE_START: str(first), RANGE_END: str(last)} if first and last else {}
        clock = {"clock": {"config": {"fixed": now.isoformat()}}}
        return (
            all_definitions()
            .resolve_job_def(job)
            .execute_in_process(
                instance=self.instance,
                raise_on_error=False,
                partition_key=alone,
                tags={**span, **(tags or {})},
                run_config={
                    "ops": {asset: {"config": dict(config)}} if config else {},
                    "resources": {**clock, **(resources or {})},
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
            )
        )

    def materialised(self, asset: str) -> set[str]:
        """Partitions of an asset that are materialised."""
        return {str(key) for key in self.instance.get_materialized_partitions(dg.AssetKey(["us", asset]))}

    def rows(self, query: str, *values: object) -> list[Any]:
        """Rows of the store; single columns as plain values."""
        rows = run(self.database_url, query, values)
        return [row[0] if len(row) == 1 else row for row in rows]

    def execute(self, query: str, *values: object) -> None:
        """Change the store behind our own code's back."""
        run(self.database_url, query, values)

    def events(self, channel: str) -> list[Mapping[str, Any]]:
        """Data of the channel's events in the outbox, in the order of writing."""
        return self.rows("SELECT event -> 'data' FROM outbox WHERE channel = %s ORDER BY position", channel)

    def override(self, session: date, action: str, closes_at: datetime | None = None) -> None:
        """An exception of the calendar comes into force."""
        opens_at = closes_at.replace(hour=14, minute=30) if action == "add" and closes_at else None
        self.execute(
            "INSERT INTO market_calendar_overrides "
            "(calendar, session, action, opens_at, closes_at, reason, created_by, created_at) "
            "VALUES ('XNYS', %s, %s, %s, %s, 'a test', 'tests', now())",
            session,
            action,
            opens_at,
            closes_at,
        )


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """The words with which a run failed."""
    assert not result.success, "the run succeeded"
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert failures, "the run failed without a step that did"
    words = (str(data.user_failure_data.description if data.user_failure_data else data.error) for data in failures)
    return "; ".join(dict.fromkeys(words))


def facts_of(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """The metadata of a bar asset's load."""
    for event in result.all_events:
        data = event.event_specific_data
        entry = getattr(data, "materialization", None) or getattr(data, "asset_observation", None)
        if entry is not None and "bars_expected" in entry.metadata:
            return {key: value.value for key, value in entry.metadata.items()}
    raise AssertionError("no event with the facts of a load")


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """The evaluations of the asset checks of a run, by name."""
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def red_checks(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Names of the checks that did not pass, with their severity."""
    return {name: found.severity.value for name, found in checks_of(result).items() if not found.passed}
