"""Schedules tick by tick in tests: a moment, what a schedule does at it, and runs that are in the history before."""

from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg

from tickstock_dagster.defs.tags import SESSION_TAG, TRIGGER_TAG
from tickstock_dagster_tests.defs.factory import Factory, all_definitions

NEW_YORK = ZoneInfo("America/New_York")
EOD_TAGS = {SESSION_TAG: "2026-11-20", TRIGGER_TAG: "eod"}


def eastern(text: str) -> datetime:
    """A moment on New York's clocks."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def tick(factory: Factory, schedule: str, moment: datetime) -> dg.RunRequest | str:
    """What a schedule does at its tick: the run that it requests, or why it skips."""
    resources = factory.resources(moment)
    context = dg.build_schedule_context(instance=factory.instance, scheduled_execution_time=moment, resources=resources)
    answer = all_definitions().resolve_schedule_def(schedule)(context)
    if isinstance(answer, dg.SkipReason):
        return answer.skip_message or ""
    assert isinstance(answer, dg.RunRequest)
    return answer


def record_run(factory: Factory, status: dg.DagsterRunStatus, **tags: str) -> str:
    """A run of the end-of-day job in the history."""
    job = all_definitions().resolve_job_def("us_eod")
    return factory.instance.create_run_for_job(job, tags={**EOD_TAGS, **tags}, status=status).run_id
