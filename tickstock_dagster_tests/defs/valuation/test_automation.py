"""The sensor of fair market values: which runs it follows, and for which sessions."""

from typing import Any

import dagster as dg
import pytest

from tickstock_dagster.defs.tags import RANGE_END, RANGE_START, SESSION_TAG, TRIGGER_TAG
from tickstock_dagster_tests.defs.factory import Factory, all_definitions
from tickstock_dagster_tests.defs.ticking import EOD_TAGS

EOD_RANGE = {RANGE_START: "2026-11-16", RANGE_END: "2026-11-20"}
SECOND_LOOK = {"ops": {"reconcile_session": {"config": {"session": "2026-11-20"}}}}


@pytest.mark.parametrize(
    ("job", "tags", "config", "span"),
    [
        ("us_eod", EOD_TAGS | {"dagster/partition": "2026-11-20"}, {}, ("2026-11-20", "2026-11-20")),
        ("us_eod", EOD_RANGE, {}, ("2026-11-16", "2026-11-20")),
        ("us_reconcile", {SESSION_TAG: "2026-11-20"}, SECOND_LOOK, ("2026-11-20", "2026-11-20")),
        ("us_bar_checks", {}, {}, None),
    ],
)
def test_after_a_session_s_bars_and_after_its_second_look_what_did_not_trade_is_valued(
    factory: Factory, job: str, tags: dict[str, str], config: dict[str, Any], span: tuple[str, str] | None
) -> None:
    run = factory.instance.create_run_for_job(all_definitions().resolve_job_def(job), tags=tags, run_config=config)
    context = dg.build_run_status_sensor_context(
        sensor_name="us_fair_values_sensor",
        dagster_instance=factory.instance,
        dagster_run=run,
        dagster_event=dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, job),
    )
    answer = all_definitions().resolve_sensor_def("us_fair_values_sensor")(context)
    if span is None:
        assert isinstance(answer, dg.SkipReason)
        assert answer.skip_message == "the run had no session"
        return
    assert isinstance(answer, dg.RunRequest)
    assert answer.run_key == run.run_id, "each attempt once"
    own = {RANGE_START: span[0], RANGE_END: span[1], SESSION_TAG: span[1], TRIGGER_TAG: "sensor"}
    assert answer.tags == own | {"dagster/priority": "2"}
