"""Launching Dagster runs from the command line and showing their progress. Not a command.

This process executes a run on the configured instance: it is in the UI like any other, and needs no daemon.

Longer than 250 lines because its three launches state their arguments in full; they share one execution.
"""

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache, partial
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster_postgres.utils import DagsterPostgresException

from tickstock_dagster.adapters.events.sending import sending_meanwhile
from tickstock_dagster.adapters.postgres.database import address, connected, open_engine
from tickstock_dagster.adapters.postgres.refusals import in_words
from tickstock_dagster.cli.interruption import interrupted
from tickstock_dagster.cli.keeping import kept
from tickstock_dagster.cli.loading.progress import RunProgressBar
from tickstock_dagster.cli.workspace import Workspace, console
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.errors import ServiceUnavailableError, TickstockError
from tickstock_dagster.definitions import executed_here
from tickstock_dagster.defs.orphans import PROCESS_TAG, fail_orphans, this_process
from tickstock_dagster.defs.partitions import SESSIONS_START, TICKERS, free_ticker_keys, grid_start
from tickstock_dagster.defs.tags import RANGE_END, RANGE_START, TRIGGER_TAG, eod_tags
from tickstock_dagster.event_log import ChecksPlannedOnce

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Run configuration: what a run logs stands in its history, and the command says what matters of it."""


class RunFailedError(TickstockError):
    """A run did not succeed; the message is the run's own."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """A finished run: its id, the metadata of its load, and those of every asset by its key, as plain values."""

    run_id: str
    seconds: float
    metadata: dict[str, Any]
    assets: Mapping[str, dict[str, Any]] = field(default_factory=dict)


def run_sessions(
    workspace: Workspace,
    sessions: Sequence[date],
    *,
    tickers: Sequence[str] = (),
    universe: str | None = None,
    source: str | None = None,
    tags: Mapping[str, str] | None = None,
    label: str = "bars",
    ask_again: bool = False,
) -> RunOutcome:
    """One run of `us_eod` over a range of sessions: bars of what is tracked, actions, checks.

    Sessions that an override added have no partition: they are loaded with those that have one, or with the session
    before them.

    Args:
        workspace: the services.
        sessions: closed ones, ascending.
        tickers: load only these.
        universe: load only this universe's members, as of each session.
        source: instead of the configured one.
        tags: of the run.
        label: of the progress bar.
        ask_again: request open gaps although their next retry is not due.

    Raises:
        RunFailedError: the run failed.
    """
    library = library_calendar(MARKET)
    keyed = [day for day in sessions if library.is_session(day) and day >= SESSIONS_START]
    added = [str(day) for day in sessions if not library.is_session(day) or day < SESSIONS_START]
    carriers = keyed or [max(SESSIONS_START, library.previous_session(sessions[0]))]
    span = {RANGE_START: str(carriers[0]), RANGE_END: str(carriers[-1])}
    config = {
        "tickers": list(tickers),
        "universe": universe or "",
        "added_sessions": added,
        "only_added": not keyed,
        "ask_again": ask_again,
    }
    ops = {"us__session_bars": {"config": config}} if tickers or universe or added or ask_again else {}
    return execute_job(workspace, "us_eod", {**span, **(tags or {})}, ops, source, label)


def run_market(workspace: Workspace, market: str, session: date) -> RunOutcome:
    """One run of the end-of-day job of a market outside the US, from its file.

    Args:
        workspace: the services.
        market: its MIC.
        session: a closed one that has a partition.

    Raises:
        RunFailedError: the run failed.
    """
    span = {RANGE_START: str(session), RANGE_END: str(session)}
    tags = {**span, **eod_tags(session, market)}
    return execute_job(workspace, f"{market.lower()}_eod", tags, {}, None, f"session {session} of {market}")


def run_symbols(
    workspace: Workspace,
    tickers: Sequence[str],
    sessions: Sequence[date],
    *,
    now: datetime,
    source: str | None = None,
    tags: Mapping[str, str] | None = None,
    label: str = "bars",
    ask_again: bool = False,
) -> list[RunOutcome]:
    """Load tickers × sessions; tickers without a partition key get one.

    Runs of `us_symbols`, one per stretch of adjacent keys, load what is in the grid; one run of `us_eod`, restricted to
    the tickers, loads what is outside of it or does not fit into it. A failed run does not stop the others. The splits
    and dividends of these sessions follow.

    Args:
        workspace: the services.
        tickers: as printed today.
        sessions: closed ones, ascending.
        now: aware; decides how many keys the grid has room for.
        source: instead of the configured one.
        tags: of every run.
        label: of the progress bar.
        ask_again: request open gaps although their next retry is not due.

    Raises:
        RunFailedError: some run failed; with the messages of all that did.
    """
    start, library = grid_start(), library_calendar(MARKET)
    within = [day for day in sessions if day >= start and library.is_session(day)]
    outside = [day for day in sessions if day < start or not library.is_session(day)]
    with _instance(workspace) as instance:
        keys = list(instance.get_dynamic_partitions(TICKERS))
        new = [ticker for ticker in tickers if ticker not in keys]
        room = free_ticker_keys(now, len(keys))
        fits = len(new) <= room
        if fits and new:
            instance.add_dynamic_partitions(TICKERS, new)
            keys += new
        elif new:
            console.print(f"[yellow]The symbol grid has room for {room} more tickers; loading by session.[/]")
    runs: list[Callable[[], RunOutcome]] = []
    if outside or not fits:
        days = outside if fits else list(sessions)
        by_session = partial(
            run_sessions, workspace, tickers=tickers, source=source, tags=tags, label=label, ask_again=ask_again
        )
        runs.append(partial(by_session, days))
    if within and fits:
        for first, last in _stretches(keys, tickers):
            span = {RANGE_START: f"{within[0]}|{first}", RANGE_END: f"{within[-1]}|{last}"}
            ops = {"us__ohlcv_daily": {"config": {"ask_again": True}}} if ask_again else {}
            runs.append(partial(execute_job, workspace, "us_symbols", {**span, **(tags or {})}, ops, source, label))
    outcomes, failures = [], []
    for run in runs:
        try:
            outcomes.append(run())
        except RunFailedError as error:
            failures.append(str(error))
    if within and fits:  # runs by session load their own
        try:
            actions = run_actions(workspace, within, source=source, tags=tags).metadata
            outcomes = [replace(outcome, metadata=outcome.metadata | actions) for outcome in outcomes]
        except RunFailedError as error:
            failures.append(str(error))
    if failures:
        raise RunFailedError("; ".join(failures))
    return outcomes


def run_actions(
    workspace: Workspace,
    sessions: Sequence[date],
    *,
    source: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> RunOutcome:
    """Load the splits and dividends of a range of sessions, from which prices are adjusted.

    Args:
        workspace: the services.
        sessions: ascending.
        source: instead of the configured one.
        tags: of the run.

    Raises:
        RunFailedError: the run failed.
    """
    library = library_calendar(MARKET)
    keyed = [day for day in sessions if library.is_session(day) and day >= SESSIONS_START]
    keyed = keyed or [max(SESSIONS_START, library.previous_session(sessions[0]))]
    span = {RANGE_START: str(keyed[0]), RANGE_END: str(keyed[-1])}
    return execute_job(workspace, "us_actions", {**span, **(tags or {})}, {}, source, "splits and dividends")


def _stretches(keys: Sequence[str], tickers: Sequence[str]) -> list[tuple[str, str]]:
    """Runs of adjacent keys, in registration order: Dagster's ranges follow that order."""
    wanted = set(tickers)
    stretches: list[tuple[str, str]] = []
    previous = None
    for key in keys:
        if key in wanted:
            stretches = [*stretches[:-1], (stretches[-1][0], key)] if previous else [*stretches, (key, key)]
        previous = key if key in wanted else None
    return stretches


def execute_job(
    workspace: Workspace,
    job_name: str,
    tags: Mapping[str, str],
    ops: Mapping[str, Any],
    source: str | None,
    label: str,
) -> RunOutcome:
    """Execute a job in this process, with a progress bar from the ledger of work units.

    Args:
        workspace: the services.
        job_name: of the code location.
        tags: with the partitions.
        ops: configuration of its ops, by their names.
        source: instead of the configured one.
        label: of the progress bar.

    Raises:
        RunFailedError: it failed; with the reason, and the run id under which its log is.
        KeyboardInterrupt: a signal came meanwhile.
    """
    run_id = str(uuid.uuid4())
    store = {"env": "TICKSTOCK_DATABASE_URL"}
    resources = {"vendor": {"config": {"source": source, "database_url": store}}} if source else {}
    config = {
        "ops": dict(ops),
        "resources": resources,
        **_QUIET,
    }
    started = time.monotonic()
    # It warns of checks without a result where sessions stay missing, which the command reports itself.
    logging.getLogger("dagster._core.execution.plan.active").setLevel(logging.ERROR)
    with _instance(workspace) as instance:
        fail_orphans(instance)
        job = _definitions().resolve_job_def(job_name)
        # Partitions exist up to the command's now, which in a rehearsal of a coming day is not this machine's.
        with (
            RunProgressBar(workspace, run_id, label),
            sending_meanwhile(workspace.addresses.database_url, workspace.addresses.redis_url, clock=workspace.clock),
            dg.partition_loading_context(effective_dt=workspace.now()),
        ):
            result = job.execute_in_process(
                run_id=run_id,
                instance=instance,
                run_config=config,
                tags={TRIGGER_TAG: "cli", PROCESS_TAG: this_process(), **tags},
                raise_on_error=False,
            )
        if not result.success and not interrupted():
            _check_after_failure(instance, result.run_id)
    if interrupted():  # Dagster takes it for a failure of the step
        raise KeyboardInterrupt
    metadata = _load_facts(result)
    if not result.success:
        failures = [_failure_words(event) for event in result.all_events if event.is_step_failure]
        words = "; ".join(failures) or "see its log"
        raise RunFailedError(f"run {run_id[:8]} failed: {words}")
    return RunOutcome(run_id, time.monotonic() - started, metadata, _facts_by_asset(result))


def _check_after_failure(instance: dg.DagsterInstance, run_id: str) -> None:
    """Evaluate the checks behind a run that failed: the daemon may not run, and a failed step skips them."""
    # Assets are imported by Dagster's loader first, which knows their beta features.
    from tickstock_dagster.defs.quality.after_failures import after_failure

    run = instance.get_run_by_id(run_id)
    for job_name in after_failure(instance, run) if run else []:
        _definitions().resolve_job_def(job_name).execute_in_process(
            instance=instance,
            run_config=_QUIET,
            tags={TRIGGER_TAG: "cli", PROCESS_TAG: this_process()},
            raise_on_error=False,
        )


@cache
def _definitions() -> dg.Definitions:
    """The code location, loaded once for all runs of a command: Dagster asks its storage for every module of it."""
    with kept():
        return executed_here()


@contextmanager
def _instance(workspace: Workspace) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance, as `dagster.yaml` and the environment configure it.

    Raises:
        ServiceUnavailableError: its storage cannot be reached or refuses; Dagster's own error would not name it.
    """
    storage = open_engine(workspace.addresses.dagster_storage_url, role=None)
    try:
        with connected(storage):
            pass
    except ServiceUnavailableError as error:
        raise ServiceUnavailableError(f"Dagster's storage: {error}") from None
    try:
        with dg.DagsterInstance.get() as instance:
            # What a step prints goes to this terminal. Capturing it takes two processes a step, which Ctrl-C reaches as
            # well, and which complain of it with tracebacks.
            instance._compute_log_manager = NoOpComputeLogManager()
            if isinstance(instance.event_log_storage, ChecksPlannedOnce):
                instance.event_log_storage.of_one_process = True
            try:
                yield instance
            finally:  # the instance leaves its pool open
                for part in (instance.run_storage, instance.event_log_storage, instance.schedule_storage):
                    if isinstance(engine := getattr(part, "_engine", None), sa.Engine):
                        engine.dispose()
    except (sa.exc.DBAPIError, DagsterPostgresException) as error:  # the store's errors are in words by now
        told = in_words(address(storage), error.__cause__ or error)
        if told is None:
            raise
        raise ServiceUnavailableError(f"Dagster's storage: {told}") from None


def _load_facts(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """The metadata of the load, from its materialisation, or from its observation where only parts were complete.

    What became of corporate actions given in a file stands beside it, under names with `actions_`.
    """
    facts: dict[str, Any] = {}
    for event in result.all_events:
        data = event.event_specific_data
        entry = getattr(data, "materialization", None) or getattr(data, "asset_observation", None)
        if entry is None:
            continue
        if "bars_expected" in entry.metadata:
            facts = {key: value.value for key, value in entry.metadata.items()} | facts
        elif "versions_begun" in entry.metadata:
            facts |= {f"actions_{key}": value.value for key, value in entry.metadata.items()}
    return facts


def _facts_by_asset(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """The metadata of every asset's last materialisation in a run, by its key."""
    found = (getattr(event.event_specific_data, "materialization", None) for event in result.all_events)
    return {
        entry.asset_key.to_user_string(): {key: value.value for key, value in entry.metadata.items()}
        for entry in found
        if entry is not None
    }


def _failure_words(event: dg.DagsterEvent) -> str:
    failure = event.step_failure_data
    described = failure.user_failure_data.description if failure.user_failure_data else None
    if described:
        return described
    error = failure.error and (failure.error.cause or failure.error)
    words = error.message.strip().splitlines()[0] if error else "no error was recorded"
    # Errors for people stand on their own; Dagster puts the name of their class in front of them.
    return re.sub(r"^tickstock_dagster\.[\w.]+: ", "", words)
