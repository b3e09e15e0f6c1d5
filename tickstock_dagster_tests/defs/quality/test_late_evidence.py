"""A split that is told late, through the sensor and the asset: the report runs again and says what has changed."""

from datetime import datetime, timedelta

import dagster as dg

from tickstock_dagster.defs.tags import RANGE_END, RANGE_START
from tickstock_dagster_tests.adapters.quality.test_bar_anomalies import Store
from tickstock_dagster_tests.defs.factory import FRI, SUNDAY, THU, Factory, all_definitions
from tickstock_dagster_tests.defs.materialising import materialise

LATER = SUNDAY + timedelta(hours=1)


def requested(factory: Factory, moment: datetime, cursor: str | None = None) -> tuple[list[dg.RunRequest], str | None]:
    """The reports that the sensor requests at a moment."""
    context = dg.build_sensor_context(instance=factory.instance, resources=factory.resources(moment), cursor=cursor)
    answer = all_definitions().resolve_sensor_def("us_dataset_catch_up_sensor")(context)
    assert isinstance(answer, dg.SensorResult)
    return [one for one in answer.run_requests or () if one.job_name == "us_quality"], answer.cursor


def test_a_split_that_is_told_late_has_its_session_reported_on_again(factory: Factory) -> None:
    Store(factory.database_url, {"LONE": 0.25})
    assert materialise(factory, ["quality/report"], THU, FRI).success
    assert requested(factory, LATER)[0] == []
    factory.execute(
        "INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, split_from, split_to, source,"
        " known_from) SELECT security_id, ticker, 'split', 'forward_split', '2026-11-20', 1, 4, 'simulator', %s"
        " FROM ticker_intervals WHERE ticker = 'LONE'",
        LATER,
    )
    none, cursor = requested(factory, LATER)
    assert none == [], "what follows a load comes first"
    [request], _ = requested(factory, LATER + timedelta(minutes=5), cursor)
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == (str(FRI), str(FRI))
    assert factory.run("us_quality", now=LATER + timedelta(minutes=6), tags=request.tags).success
    told = factory.rows(
        "SELECT v.was || ' → ' || v.verdict || ': ' || v.cause FROM quality_verdicts AS v JOIN quality_anomalies AS a"
        " USING (security_id, session, rule, dataset)"
        " WHERE a.ticker = 'LONE' AND rule = 'price_move' AND was IS NOT NULL"
    )
    assert told == ["suspicious → explained: split 1:4 of 2026-11-20, known since 2026-11-22 16:00 UTC"]
    assert requested(factory, LATER + timedelta(hours=1), cursor)[0] == []
