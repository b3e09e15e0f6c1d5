"""`reference/fund_facts` and its schedule: what the plan lacks is said, and every session is asked for one morning."""

from datetime import UTC, datetime

import dagster as dg

from tickstock_dagster.defs.tags import RANGE_END, RANGE_START
from tickstock_dagster_tests.defs.factory import FRI, SUNDAY, Factory, all_definitions
from tickstock_dagster_tests.defs.materialising import materialise, metadata_of


def test_a_plan_without_the_add_on_is_said_in_the_metadata(factory: Factory) -> None:
    found = metadata_of(materialise(factory, ["reference/fund_facts"], FRI), "reference/fund_facts")
    assert found["sessions"] == 1
    assert "403" in str(found["navs_left"])
    assert "403" in str(found["sectors_left"])


def test_the_morning_after_asks_for_the_latest_closed_session(factory: Factory) -> None:
    schedule = all_definitions().resolve_schedule_def("us_fund_facts_schedule")
    keys = []
    for day in (21, 22, 23, 24):
        context = dg.build_schedule_context(
            instance=factory.instance,
            scheduled_execution_time=datetime(2026, 11, day, 13, 30, tzinfo=UTC),
            resources={"warehouse": factory.resources(SUNDAY)["warehouse"]},
        )
        [request] = schedule.evaluate_tick(context).run_requests or []
        assert request.tags[RANGE_START] == request.tags[RANGE_END]
        keys.append(request.run_key)
    assert keys == [f"fund_facts/2026-11-{day}" for day in (20, 20, 20, 23)]
