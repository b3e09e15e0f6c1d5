"""The asset `quality/report` and the job of findings: what they show, leave behind and launch."""

import dagster as dg
import pytest

from tickstock_dagster_tests.adapters.quality.test_bar_anomalies import TRACKED, Store
from tickstock_dagster_tests.defs.factory import FRI, SUNDAY, THU, Factory, all_definitions, checks_of
from tickstock_dagster_tests.defs.materialising import materialise, metadata_of

SUMMARY = "tickstock.quality.summary"


@pytest.fixture
def fallen(factory: Factory) -> Factory:
    """On Friday SPY, PAIR and LONE lose 30 % on a tenth of their volume."""
    Store(factory.database_url, dict.fromkeys(TRACKED, 0.7), volume=100_000)
    return factory


def job(factory: Factory, **config: str) -> dg.ExecuteInProcessResult:
    return (
        all_definitions()
        .resolve_job_def("quality_findings")
        .execute_in_process(
            instance=factory.instance,
            raise_on_error=False,
            run_config={
                "ops": {"findings": {"config": config}},
                "resources": {"clock": {"config": {"fixed": SUNDAY.isoformat()}}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
        )
    )


def test_the_report_scores_every_symbol_tells_once_and_draws_what_it_found(fallen: Factory) -> None:
    result = materialise(fallen, ["quality/report"], THU, FRI)
    facts = metadata_of(result, "quality/report")
    assert (facts["sessions"], facts["findings_new"], facts["suspicious"], facts["alerts"]) == (2, 9, 7, 7)
    assert facts["price_score"] < 90
    assert facts["freshness_score"] == 100
    asked = fallen.rows("SELECT count(*) FROM quality_anomalies WHERE evidence ? 'news'")
    assert asked[0] > 0, "news was looked up"
    for picture in ("day", "worst_symbols", "rules"):
        assert facts[picture].startswith(f"![{picture}](data:image/png;base64,")
    assert "settle 7 suspicious findings" in facts["actions"]
    scored = fallen.rows("SELECT session, ticker, price_score FROM quality_reports ORDER BY session, ticker")
    assert [row[:2] for row in scored] == [(day, ticker) for day in (THU, FRI) for ticker in TRACKED]
    assert [event["session"] for event in fallen.events(SUMMARY)] == ["2026-11-19", "2026-11-20"]
    assert len(fallen.events("tickstock.quality.price_anomaly")) == 4
    assert len(fallen.events("tickstock.quality.volume_drought")) == 3

    again = metadata_of(materialise(fallen, ["quality/report"], FRI), "quality/report")
    assert (again["findings_new"], again["findings_changed"], again["alerts"]) == (0, 0, 0)
    assert len(fallen.events(SUMMARY)) == 2


def test_a_stored_report_follows_from_the_stored_findings(fallen: Factory) -> None:
    from tickstock_dagster.adapters.postgres.database import transaction
    from tickstock_dagster.adapters.quality.reports import score_again

    materialise(fallen, ["quality/report"], FRI)
    kept = "SELECT to_jsonb(r.*) FROM quality_reports AS r ORDER BY ticker"
    before = fallen.rows(kept)
    fallen.execute(
        "UPDATE quality_reports SET price_score = 1, volume_score = 2, freshness_score = 3, overall_score = 4, "
        "explained = 5, suspicious = 6, wrong = 7, recommendations = '{}'"
    )
    with transaction(fallen.engine) as connection:
        for security, session in fallen.rows("SELECT security_id, session FROM quality_reports"):
            score_again(connection, security, session)
    assert fallen.rows(kept) == before


def test_the_checks_of_the_report_count_what_stands(fallen: Factory) -> None:
    found = checks_of(fallen.run("us_quality", FRI))
    assert (found["structure"].passed, found["alerts"].passed) == (True, False)
    assert (found["alerts"].metadata["value"].value, found["alerts"].metadata["symbols"].value) == (2333.333, 3)
    fallen.execute("UPDATE quality_anomalies SET severity = 'error' WHERE rule = 'price_move' AND ticker = 'LONE'")
    found = checks_of(fallen.run("us_quality", THU))
    assert found["structure"].passed is False
    assert "LONE 2026-11-20: price_move" in found["structure"].metadata["sample"].value


def test_findings_are_listed_and_decided_from_the_launchpad(fallen: Factory) -> None:
    materialise(fallen, ["quality/report"], FRI)
    assert job(fallen, verb="LIST", symbol="LONE").success
    named = {"finding": "LONE 2026-11-20 price_move"}
    assert job(fallen, verb="CONFIRM", **named, reason="a bad tick", by="ada").success
    assert fallen.rows("SELECT ticker FROM quarantined_bars WHERE held") == ["LONE"]
    assert job(fallen, verb="RELEASE", **named, reason="it was right", by="ada").success
    assert fallen.rows("SELECT ticker FROM quarantined_bars WHERE held") == []
    for verb in ("SHOW", "HISTORY"):
        assert job(fallen, verb=verb, **named).success
    assert job(fallen, verb="ANALYZE", symbol="LONE").success
    many = {"symbol": "LONE", "rule": "price_move", "since": "2026-11-02", "reason": "why", "by": "ada"}
    assert job(fallen, verb="CONFIRM", **many).success
    assert fallen.rows("SELECT ticker FROM quarantined_bars WHERE held") == ["LONE"]
    assert job(fallen, verb="RELEASE", **many, until="2026-11-20").success
    assert fallen.rows("SELECT ticker FROM quarantined_bars WHERE held") == []
    for wrong in ({"until": "2026-11-01"}, {"since": ""}, {"rule": "lone_bar"}, named):
        assert not job(fallen, verb="RELEASE", **{**many, **wrong}).success
    assert not job(fallen, verb="RELEASE", **named, reason="why", by=" ").success
    assert not job(fallen, verb="SHOW", finding="17").success
    assert not job(fallen, verb="ANALYZE", symbol="LONE", session="2026-11-21").success


def test_the_report_follows_the_end_of_the_day_and_the_reconcile(factory: Factory) -> None:
    sensor = all_definitions().resolve_sensor_def("us_quality_sensor")
    for tags, session in (
        ({"dagster/partition": "2026-11-20"}, "2026-11-20"),
        ({"tickstock/session": "2026-11-19"}, "2026-11-19"),
    ):
        run = dg.DagsterRun(job_name="us_eod", run_id="r", tags=tags)
        context = dg.build_run_status_sensor_context(
            sensor_name="us_quality_sensor",
            dagster_instance=factory.instance,
            dagster_run=run,
            dagster_event=dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, "us_eod"),
        )
        request = sensor(context)
        assert isinstance(request, dg.RunRequest)
        assert request.tags["dagster/asset_partition_range_start"] == session
        assert "tickstock/session" not in request.tags, "the end of day would wait for it"
