"""A month of the factory's life on a clock that a test sets: every schedule, every sensor, every run that they ask for.

Here: the world (own servers, a vendor whose clock follows), the daemon's part (ticks through Dagster's own contexts,
cursors, run keys) and the walk through time. What happens on which day, and what must be true at the end, is in
`test_simulated_month`. The real daemon works the same way, but loads the code location and opens its storage anew for
every tick: a month takes half an hour.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.tags import PARTITION_NAME_TAG, RUN_KEY_TAG, SCHEDULE_NAME_TAG, SENSOR_NAME_TAG
from dagster._core.test_utils import get_freezable_log_manager

from tickstock_dagster.adapters.postgres.database import close_engines
from tickstock_dagster.adapters.postgres.migrations import migrate
from tickstock_dagster.adapters.services.local import LocalServices
from tickstock_dagster.settings import Settings
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.events.outbox_helpers import wait_until
from tickstock_dagster_tests.conftest import POSTGRES_OPTIONS
from tickstock_dagster_tests.dagster_instances import dagster_storage
from tickstock_dagster_tests.defs.factory import Factory, all_definitions
from tickstock_dagster_tests.end_to_end.simulated_clock import (
    NEW_YORK,
    has_clock,
    schedule_ticks,
    schedules,
    sensor_moments,
    sensors,
    target,
)
from tickstock_dagster_tests.vendor_helpers import closed_limiters, quick_retries

SCHEDULED_TAG = "dagster/scheduled_execution_time"


@dataclass(frozen=True, slots=True)
class Launch:
    """One run that was asked for: when, by which schedule or sensor, and what became of it (None: it broke off)."""

    at: datetime
    by: str
    job: str
    run_key: str | None
    run_id: str | None
    tags: Mapping[str, str]
    success: bool | None
    calls: int


@dataclass
class SimulatedMonth:
    """The world, and what happened in it so far."""

    services: LocalServices
    factory: Factory
    now: datetime
    launches: list[Launch] = field(default_factory=list)
    refused_keys: list[tuple[datetime, str, str]] = field(default_factory=list)
    failed_ticks: list[tuple[datetime, str, str]] = field(default_factory=list)
    skips: dict[tuple[str, str], int] = field(default_factory=dict)
    ticks: dict[str, int] = field(default_factory=dict)
    log: list[tuple[datetime, str]] = field(default_factory=list)
    interrupted: list[str] = field(default_factory=list)
    _cursors: dict[str, str | None] = field(default_factory=dict)
    _keys: set[tuple[str, str]] = field(default_factory=set)

    @property
    def instance(self) -> dg.DagsterInstance:
        """Run history, event log, cursors' storage."""
        return self.factory.instance

    @property
    def vendor(self) -> RunningSimulator:
        """The vendor."""
        return self.factory.vendor

    def walk(
        self,
        begins: datetime,
        ends: datetime,
        closes: Iterable[datetime],
        incidents: Mapping[datetime, Callable[[], str]],
    ) -> None:
        """Live from `begins` to `ends`: at each moment first what happens to us, then schedules, then sensors.

        `closes` are those of the sessions, around which the clock is looked at more often.
        """
        closes = list(closes)
        ticks, looks = schedule_ticks(begins, ends, closes), sensor_moments(begins, ends, closes)
        for moment in sorted({*ticks, *looks, *incidents}):
            self.now = moment
            self.vendor.set_now(moment)
            if moment in incidents:
                self.log.append((moment, incidents[moment]()))
            for name in ticks.get(moment, ()):
                self._evaluate(name, self._schedule_requests)
            if moment in looks:
                for name in sensors():
                    self._evaluate(name, self._sensor_requests)

    def _evaluate(self, name: str, ask: Callable[[str], list[dg.RunRequest]]) -> None:
        self.ticks[name] = self.ticks.get(name, 0) + 1
        try:
            requests = ask(name)
        except Exception as error:  # noqa: BLE001  # the daemon notes a tick that failed, and goes on
            self.failed_ticks.append((self.now, name, f"{type(error).__name__}: {error}"))
            return
        for request in requests:
            self._launch(name, request)

    def _schedule_requests(self, name: str) -> list[dg.RunRequest]:
        context = dg.build_schedule_context(
            instance=self.instance,
            scheduled_execution_time=self.now.astimezone(NEW_YORK),
            resources=self.factory.resources(self.now),
            repository_def=all_definitions().get_repository_def(),
        )
        answer = all_definitions().resolve_schedule_def(name).evaluate_tick(context)
        self._note_skip(name, answer.skip_message)
        return list(answer.run_requests or [])

    def _sensor_requests(self, name: str) -> list[dg.RunRequest]:
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self._cursors.get(name),
            resources=self.factory.resources(self.now),
            repository_def=all_definitions().get_repository_def(),
        )
        answer = all_definitions().resolve_sensor_def(name).evaluate_tick(context)
        self._cursors[name] = answer.cursor
        self._note_skip(name, answer.skip_message)
        for wish in answer.dynamic_partitions_requests or []:
            assert isinstance(wish, dg.AddDynamicPartitionsRequest)
            self.instance.add_dynamic_partitions(wish.partitions_def_name, list(wish.partition_keys))
        for reaction in answer.dagster_run_reactions or []:
            assert reaction.error is None, reaction.error
        fresh = []
        for request in answer.run_requests or []:
            # Dagster launches a run key of a sensor once, ever; of a schedule, once per tick.
            if request.run_key and (name, request.run_key) in self._keys:
                self.refused_keys.append((self.now, name, request.run_key))
            else:
                self._keys.add((name, request.run_key or ""))
                fresh.append(request)
        return fresh

    def _note_skip(self, name: str, words: str | None) -> None:
        if words:
            self.skips[name, words] = self.skips.get((name, words), 0) + 1

    def _launch(self, name: str, request: dg.RunRequest) -> None:
        """Execute what a schedule or sensor asked for, with the tags that the daemon gives it."""
        schedule = name in schedules()
        job = request.job_name or target(name)
        tags = {**request.tags, SCHEDULE_NAME_TAG if schedule else SENSOR_NAME_TAG: name}
        if schedule:
            tags[SCHEDULED_TAG] = self.now.isoformat()
        if request.run_key:
            tags[RUN_KEY_TAG] = request.run_key
        partition = request.partition_key or tags.pop(PARTITION_NAME_TAG, None)
        before, run_id, success = self.vendor.stats()["total"], None, None
        try:
            result = self._job(job).execute_in_process(
                instance=self.instance,
                partition_key=partition,
                tags=tags,
                run_config=self._config(job, request.run_config),
                raise_on_error=False,
            )
            run_id, success = result.run_id, result.success
        except Exception as error:  # noqa: BLE001  # a worker that broke off: its run ends when the daemon notices
            self.failed_ticks.append((self.now, job, f"{type(error).__name__}: {error}"))
            self._fail_unfinished()
        calls = self.vendor.stats()["total"] - before
        self.launches.append(Launch(self.now, name, job, request.run_key, run_id, tags, success, calls))

    def _fail_unfinished(self) -> None:
        """What Dagster's run monitoring does for a worker that is gone."""
        for run in self.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
            self.instance.report_run_failed(run, "its worker is gone")

    def _job(self, name: str) -> dg.JobDefinition:
        return all_definitions().resolve_job_def(name)

    def _config(self, job: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        clock = {"clock": {"config": {"fixed": self.now.isoformat()}}} if has_clock(job) else {}
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        return {**asked, "resources": {**asked.get("resources", {}), **clock}, **quiet}

    def restart_postgres(self) -> None:
        """The server is shut down in the fast way, which ends all its sessions, and comes back."""
        self.services.postgres.stop()
        self.services.start({"postgres"})

    def restart_postgres_during_the_next_load(self, day: date) -> Thread:
        """While the vendor takes two seconds over its answer about `day`, the store is restarted."""
        self.vendor.install("timeout", path="*/aggs/grouped/*", day=day, seconds=2.0, times=1)

        def restart() -> None:
            wait_until(lambda: any(fault["hits"] for fault in self.vendor.vendor.faults.described()), seconds=300)
            started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
            self.interrupted += [run.run_id for run in self.instance.get_runs(started)]
            self.restart_postgres()

        thread = Thread(target=restart, daemon=True)
        thread.start()
        return thread


@contextmanager
def simulated_month(folder: Path, begins: datetime) -> Iterator[SimulatedMonth]:
    """A world of its own: PostgreSQL and Valkey that may be stopped, a vendor, Dagster's storage on that PostgreSQL."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        for setting in Settings.model_fields.values():
            patch.delenv(str(setting.validation_alias), raising=False)
        patch.setenv("TICKSTOCK_STATE_DIR", str(folder))
        quick_retries(patch)
        # Dagster waits 11 seconds in all for a PostgreSQL that is away, at every question.
        patch.setattr("dagster_postgres.utils.calculate_delay", lambda **_: 0.01)
        services = LocalServices(folder, postgres_options=POSTGRES_OPTIONS)
        stack.callback(services.down)
        stack.callback(close_engines)
        addresses = services.up(simulator=False)
        migrate(addresses.database_url)
        simulator = stack.enter_context(RunningSimulator(plan="advanced", now=begins, rate=(100_000, 1)))
        simulator.vendor.wait_for_tape()
        stack.enter_context(closed_limiters(patch))
        overrides = {**dagster_storage(addresses.dagster_storage_url), "telemetry": {"enabled": False}}
        instance = stack.enter_context(dg.instance_for_test(overrides=overrides))
        factory = Factory(addresses.database_url, addresses.redis_url, simulator, instance, patch)
        world = SimulatedMonth(services, factory, begins)
        # A schedule's context would open Dagster's storage anew.
        patch.setattr(dg.DagsterInstance, "from_ref", staticmethod(lambda _: nullcontext(instance)))
        # Dagster's own clock: which partitions exist, when a run ended.
        patch.setattr("dagster._time._mockable_get_current_datetime", lambda: world.now)
        patch.setattr("dagster._time._mockable_get_current_timestamp", lambda: datetime.timestamp(world.now))
        patch.setattr("dagster._core.log_manager.DagsterLogManager", get_freezable_log_manager())
        yield world
