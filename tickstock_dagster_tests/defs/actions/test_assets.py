"""`us/corporate_actions` executed for real."""

import time
from datetime import date
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.execution.plan import active

from tickstock_dagster_tests.defs.factory import Factory, all_definitions, failure_of

SPLIT_DAY = date(2026, 9, 14)  # SPLT splits 3 for 1


def versions(factory: Factory) -> list[object]:
    return factory.rows("SELECT action, ticker, ex_date, known_to FROM corporate_actions ORDER BY 1, 2, 3")


def retried(result: dg.ExecuteInProcessResult) -> list[str | None]:
    return [event.step_key for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY]


def test_twice_equals_once_and_asks_once(factory: Factory) -> None:
    factory.track("SPLT", "AAPL")
    assert factory.run("us_eod", SPLIT_DAY).success
    found = versions(factory)
    assert ("split", "SPLT", SPLIT_DAY, None) in found
    assert factory.rows("SELECT split_from::int, split_to::int FROM corporate_actions WHERE ticker = 'SPLT'") == [
        (1, 3)
    ]

    factory.vendor.reset_stats()
    assert factory.run("us_eod", SPLIT_DAY).success
    assert factory.vendor.stats()["total"] == 0
    assert versions(factory) == found
    event = factory.instance.get_latest_materialization_event(dg.AssetKey(["us", "corporate_actions"]))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["asked"].value is False


@pytest.fixture
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster waits 5 and 10 seconds between the attempts of a step; here its clock runs a thousand times as fast."""
    quick = SimpleNamespace(time=lambda: time.time() * 1000, sleep=lambda seconds: time.sleep(seconds / 1000))
    monkeypatch.setattr(active, "time", quick)


@pytest.mark.usefixtures("_short_waits")
def test_a_broken_answer_changes_nothing_and_is_asked_for_again(factory: Factory) -> None:
    factory.track("SPLT")
    factory.vendor.install("cut_body", path="*/stocks/v1/dividends*")
    result = factory.run("us_eod", SPLIT_DAY)
    assert not result.success
    assert retried(result) == ["us__corporate_actions"] * 2
    assert factory.materialised("session_bars") == {"2026-09-14"}
    assert factory.materialised("corporate_actions") == set()
    assert versions(factory) == []

    factory.vendor.clear_faults()
    factory.vendor.install("server_error", path="*/stocks/v1/dividends*", times=6)
    again = factory.run("us_eod", SPLIT_DAY)
    assert again.success
    assert retried(again) == ["us__corporate_actions"], "the vendor came back while the step was tried again"
    assert versions(factory) != []


def test_a_plan_without_them_fails_in_the_vendors_words(factory: Factory) -> None:
    factory.track("SPLT")
    factory.vendor.install("not_entitled", path="*/stocks/v1/splits*")
    words = failure_of(factory.run("us_eod", SPLIT_DAY))
    assert "splits 2026-09-14..2026-09-14" in words
    assert "403" in words
    assert factory.materialised("session_bars") == {"2026-09-14"}


def test_what_may_go_away_is_tried_again_and_bad_input_is_not() -> None:
    asset = all_definitions().resolve_assets_def(["us", "corporate_actions"])
    policy = asset.op.retry_policy
    assert policy is not None
    assert (policy.max_retries, policy.backoff, policy.jitter) == (2, dg.Backoff.EXPONENTIAL, dg.Jitter.PLUS_MINUS)
