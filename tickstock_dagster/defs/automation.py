"""What schedules and sensors share: whose runs these are, the situation of the latest session, the request for its run.

Every market's day is decided by the same functions, over its own road.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

import dagster as dg

from tickstock_dagster.adapters.loading.tracked import tracked_state
from tickstock_dagster.adapters.sources.protocol import MarketSource
from tickstock_dagster.adapters.universes.market_lists import is_tracked, market_universe
from tickstock_dagster.core.calendars.markets import ABROAD, MARKET
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar, library_calendar
from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.core.loading.end_of_day import EodDecision, decide_attempt, first_attempt_at
from tickstock_dagster.defs.orphans import fail_orphans
from tickstock_dagster.defs.resources import WarehouseResource
from tickstock_dagster.defs.tags import (
    CATCH_UP,
    MARKET_TAG,
    PARTITION_TAG,
    RANGE_END,
    RANGE_START,
    SESSION_TAG,
    TRIGGER_TAG,
    eod_tags,
    market_tags,
)
from tickstock_dagster.settings import load_settings

DEFAULT_STATUS = load_settings().automation.upper()
"""RUNNING in production, STOPPED on a laptop (TICKSTOCK_AUTOMATION)."""

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

LOADS: Mapping[str, Sequence[str]] = {TRIGGER_TAG: ["eod", CATCH_UP]}
"""The tags of runs that load sessions by themselves: the end of day and the catch-up, of any market."""


class BarSource(Protocol):
    """Where a market's bars come from, as a resource of Dagster."""

    def open(self) -> MarketSource:
        """The source; nothing is asked yet."""

    def same_day(self) -> bool:
        """Whether it has bars on the session's own day."""


@dataclass(frozen=True, slots=True)
class MarketRoad:
    """How the bars of one market come to their end of day.

    Attributes:
        market: MIC of its calendar.
        prefix: of the names of its asset, job, schedules and sensors, as in us_eod.
        by_file: its source is a file, which is asked at no cost; setting it is what tracks the market.
    """

    market: str
    prefix: str
    by_file: bool = False

    @property
    def job(self) -> str:
        """The job that loads its sessions."""
        return f"{self.prefix}_eod"

    @property
    def op(self) -> str:
        """The op of its asset, as run configurations name it."""
        return f"{self.prefix}__session_bars"


US = MarketRoad(MARKET, "us")


def runs_count(
    instance: dg.DagsterInstance,
    tags: Mapping[str, str | Sequence[str]],
    job_name: str | None = None,
    *,
    market: str | None = None,
    statuses: Sequence[dg.DagsterRunStatus] = (),
) -> int:
    """How many runs have these tags.

    Args:
        instance: whose run history counts.
        tags: each with its value, or with several of which one is enough.
        job_name: of this job; None: of any.
        market: MIC of the market that they are for; None: for any.
        statuses: in one of these states; empty: in any.
    """

    def count(more: Mapping[str, str | Sequence[str]]) -> int:
        runs = dg.RunsFilter(job_name=job_name, tags={**tags, **more}, statuses=list(statuses))
        return instance.get_runs_count(runs)

    if market != MARKET:
        return count(market_tags(market) if market else {})
    # Runs of the US market have no tag of their own. Asked in this order, a run that begins meanwhile counts too much
    # rather than too little.
    abroad = count({MARKET_TAG: list(ABROAD)})
    return count({}) - abroad


def is_at_work(
    instance: dg.DagsterInstance,
    tags: Mapping[str, str | Sequence[str]],
    job_name: str | None = None,
    *,
    market: str | None = None,
) -> bool:
    """Whether a run with these tags is queued or started; arguments as for `runs_count`."""
    return runs_count(instance, tags, job_name, market=market, statuses=UNFINISHED) > 0


def eod_attempts(instance: dg.DagsterInstance, session: date, market: str = MARKET) -> int:
    """How many end-of-day runs a session of a market has had, one that is queued or started included."""
    return runs_count(instance, eod_tags(session, market), market=market)


@dataclass(frozen=True, slots=True)
class EodSituation:
    """The latest closed session of a market.

    Attributes:
        calendar: the one in force.
        decision: what to do about the session, and why.
        attempts: its end-of-day runs so far.
        begins_at: when its first attempt is due, UTC.
    """

    calendar: SessionCalendar
    decision: EodDecision
    attempts: int
    begins_at: datetime

    @property
    def first_waits(self) -> bool:
        """Whether the first attempt is due and has not been made."""
        return self.decision.attempt and not self.attempts


def eod_situation(
    road: MarketRoad, instance: dg.DagsterInstance, warehouse: WarehouseResource, source: BarSource, now: datetime
) -> EodSituation:
    """Decide from the store and the run history what to do about the latest closed session of a market.

    Args:
        road: the market's.
        instance: whose run history counts; runs whose process is gone are reported as failed first.
        warehouse: the store, with the calendar in force.
        source: says whether bars of the same day are available.
        now: aware.
    """
    fail_orphans(instance)
    calendar = warehouse.calendar(road.market)
    session = calendar.latest_closed_session(now)
    same_day = source.same_day()
    decision = decide_attempt(
        calendar,
        now,
        state=_state(road, warehouse, session),
        in_progress=is_at_work(instance, {SESSION_TAG: str(session)}, market=road.market),
        same_day=same_day,
    )
    if decision.attempt and not library_calendar(road.market).is_session(session):
        loads = (
            f"`tickstock eod --session {session}` loads it"
            if road.market == MARKET
            else "it is loaded when the calendar library has it"
        )
        words = f"{session} was added by an override and has no partition: {loads}"
        decision = replace(decision, attempt=False, reason=words)
    begins_at = first_attempt_at(calendar, session, same_day=same_day)
    return EodSituation(calendar, decision, eod_attempts(instance, session, road.market), begins_at)


def _state(road: MarketRoad, warehouse: WarehouseResource, session: date) -> Completeness | None:
    """The session's completeness; None where nothing is tracked on it.

    A file is tracked by its first load. Until then nothing of it is expected, and the session is attempted.
    """
    engine = warehouse.engine()
    state = tracked_state(engine, session, market=road.market)
    if state is None and road.by_file and is_tracked(engine, market_universe(road.market)) is None:
        return Completeness(session, 0, 0, 0, 0)
    return state


def eod_request(road: MarketRoad, decision: EodDecision, attempt: int) -> dg.RunRequest:
    """The run for a session; `dagster/priority` is critical."""
    return dg.RunRequest(
        run_key=f"{decision.session}/{attempt}",
        partition_key=str(decision.session),
        tags={**eod_tags(decision.session, road.market), "dagster/priority": "10"},
    )


def sessions_of_run(tags: Mapping[str, str]) -> tuple[str | None, str | None]:
    """First and last session of a run, by its tags; None where it has no partition."""
    first = tags.get(RANGE_START) or tags.get(PARTITION_TAG)
    return first, tags.get(RANGE_END) or first


def loaded_sessions(tags: Mapping[str, str]) -> tuple[str, str] | None:
    """First and last session that a run loaded, by its tags; None where it had none.

    Of a job without partitions, such as us_reconcile, the one session that it was about.
    """
    first, last = sessions_of_run(tags)
    if first is None or last is None:
        first = last = tags.get(SESSION_TAG)
    return None if first is None or last is None else (first, last)
