"""What schedules and sensors share: the situation of the latest session, and the request for its run."""

from dataclasses import dataclass
from datetime import date, datetime

import dagster as dg

from tickstock_dagster.adapters.table_checks import tracked_state
from tickstock_dagster.core.calendars import SessionCalendar
from tickstock_dagster.core.coverage import Completeness
from tickstock_dagster.core.eod import EodDecision
from tickstock_dagster.defs.partitions import MARKET
from tickstock_dagster.defs.resources import WarehouseResource
from tickstock_dagster.defs.tags import SESSION_TAG, TRIGGER_TAG
from tickstock_dagster.settings import load_settings

DEFAULT_STATUS = load_settings().automation.upper()
"""RUNNING in production, STOPPED on a laptop (TICKSTOCK_AUTOMATION)."""

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dataclass(frozen=True, slots=True)
class EodSituation:
    """The latest closed session: its calendar, its completeness, its end-of-day runs so far, one under way or not."""

    calendar: SessionCalendar
    session: date
    state: Completeness | None
    attempts: int
    in_progress: bool


def eod_situation(instance: dg.DagsterInstance, warehouse: WarehouseResource, now: datetime) -> EodSituation:
    """Look at store and run history. `now` is aware."""
    calendar = warehouse.calendar(MARKET)
    session = calendar.latest_closed_session(now)
    tags = {SESSION_TAG: str(session)}
    runs = dg.RunsFilter(tags={**tags, TRIGGER_TAG: "eod"})
    return EodSituation(
        calendar=calendar,
        session=session,
        state=tracked_state(warehouse.engine(), session),
        attempts=instance.get_runs_count(runs),
        in_progress=instance.get_runs_count(dg.RunsFilter(tags=tags, statuses=_UNFINISHED)) > 0,
    )


def eod_request(decision: EodDecision, attempt: int) -> dg.RunRequest:
    """The run for a session; `dagster/priority` is critical."""
    return dg.RunRequest(
        run_key=f"{decision.session}/{attempt}",
        partition_key=str(decision.session),
        tags={SESSION_TAG: str(decision.session), TRIGGER_TAG: "eod", "dagster/priority": "10"},
    )
