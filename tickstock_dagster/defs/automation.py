"""What schedules and sensors share: the situation of the latest session, and the request for its run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

import dagster as dg

from tickstock_dagster.adapters.loading.tracked import tracked_state
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar, library_calendar
from tickstock_dagster.core.loading.end_of_day import EodDecision, decide_attempt, first_attempt_at
from tickstock_dagster.defs.orphans import fail_orphans
from tickstock_dagster.defs.resources import VendorResource, WarehouseResource
from tickstock_dagster.defs.tags import RANGE_END, RANGE_START, SESSION_TAG, eod_tags
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


def is_at_work(instance: dg.DagsterInstance, tags: Mapping[str, str], job_name: str | None = None) -> bool:
    """Whether a run with these tags is queued or started: of the named job, or of any without a name."""
    runs = dg.RunsFilter(job_name=job_name, tags=dict(tags), statuses=UNFINISHED)
    return instance.get_runs_count(runs) > 0


def eod_attempts(instance: dg.DagsterInstance, session: date) -> int:
    """How many end-of-day runs a session has had, one that is queued or started included."""
    return instance.get_runs_count(dg.RunsFilter(tags=eod_tags(session)))


@dataclass(frozen=True, slots=True)
class EodSituation:
    """The latest closed session.

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


def eod_situation(
    instance: dg.DagsterInstance, warehouse: WarehouseResource, vendor: VendorResource, now: datetime
) -> EodSituation:
    """Decide from the store and the run history what to do about the latest closed session.

    Args:
        instance: whose run history counts; runs whose process is gone are reported as failed first.
        warehouse: the store, with the calendar in force.
        vendor: its plan says when bars of the same day are available.
        now: aware.
    """
    fail_orphans(instance)
    calendar = warehouse.calendar(MARKET)
    session = calendar.latest_closed_session(now)
    same_day = vendor.same_day()
    decision = decide_attempt(
        calendar,
        now,
        state=tracked_state(warehouse.engine(), session),
        in_progress=is_at_work(instance, {SESSION_TAG: str(session)}),
        same_day=same_day,
    )
    if decision.attempt and not library_calendar(MARKET).is_session(session):
        words = f"{session} was added by an override and has no partition: `tickstock eod --session {session}` loads it"
        decision = replace(decision, attempt=False, reason=words)
    begins_at = first_attempt_at(calendar, session, same_day=same_day)
    return EodSituation(calendar, decision, eod_attempts(instance, session), begins_at)


def eod_request(decision: EodDecision, attempt: int) -> dg.RunRequest:
    """The run for a session; `dagster/priority` is critical."""
    return dg.RunRequest(
        run_key=f"{decision.session}/{attempt}",
        partition_key=str(decision.session),
        tags={**eod_tags(decision.session), "dagster/priority": "10"},
    )


def sessions_of_run(tags: Mapping[str, str]) -> tuple[str | None, str | None]:
    """First and last session of a run, by its tags; None where it has no partition."""
    first = tags.get(RANGE_START) or tags.get("dagster/partition")
    return first, tags.get(RANGE_END) or first
