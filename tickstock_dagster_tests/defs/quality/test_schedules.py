"""The schedule of the bar checks, tick by tick: once for each session, when it is due."""

import dagster as dg
import pytest

from tickstock_dagster_tests.defs.factory import Factory, all_definitions
from tickstock_dagster_tests.defs.ticking import eastern, tick


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-20 17:45", "2026-11-19 was checked when it was due; next is 2026-11-20"),
        ("2026-11-20 18:00", "due/2026-11-20"),
        ("2026-11-20 23:45", "due/2026-11-20"),
        ("2026-11-21 06:00", "2026-11-20 was checked when it was due; next is 2026-11-23"),
        ("2026-11-27 14:45", "2026-11-25 was checked when it was due; next is 2026-11-27"),
        ("2026-11-27 15:00", "due/2026-11-27"),  # half day
        ("2026-11-26 18:00", "2026-11-25 was checked when it was due; next is 2026-11-27"),  # holiday
    ],
)
def test_the_checks_run_when_a_session_is_due_and_once_for_each(
    factory_on_postgres: Factory, moment: str, expected: str
) -> None:
    answer = tick(factory_on_postgres, "us_bar_checks_schedule", eastern(moment))
    found = answer if isinstance(answer, str) else answer.run_key
    assert found == expected


def test_a_session_that_was_checked_is_not_checked_again_at_the_next_tick(factory_on_postgres: Factory) -> None:
    factory = factory_on_postgres
    request = tick(factory, "us_bar_checks_schedule", eastern("2026-11-20 18:00"))
    assert isinstance(request, dg.RunRequest)
    factory.instance.create_run_for_job(all_definitions().resolve_job_def("us_bar_checks"), tags=request.tags)
    for moment in ("2026-11-20 18:15", "2026-11-21 00:15"):
        assert tick(factory, "us_bar_checks_schedule", eastern(moment)) == (
            "2026-11-20 was checked when it was due; next is 2026-11-23"
        )
    assert isinstance(tick(factory, "us_bar_checks_schedule", eastern("2026-11-23 18:00")), dg.RunRequest)
