"""`us/corporate_actions` executed for real."""

import time
from datetime import UTC, date, datetime
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.execution.plan import active

from tickstock_dagster.adapters.actions.evidence import owed_action_sessions
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster_tests.defs.factory import SUNDAY, THU, TUE, WED, Factory, all_definitions, failure_of
from tickstock_dagster_tests.defs.materialising import materialise

pytestmark = pytest.mark.usefixtures("few_listed")

SPLIT_DAY = date(2026, 9, 14)  # SPLT splits 3 for 1
CLOSES = {day: datetime(day.year, day.month, day.day, 22, tzinfo=UTC) for day in (TUE, WED, THU)}


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
    facts = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    assert (facts["asked"], facts["asked_for"]) == (False, "nothing: all of it is fresh")


def test_the_metadata_says_what_was_asked_for_and_what_is_odd(factory: Factory) -> None:
    factory.track("SPLT", "AAPL")
    edit = factory.vendor.edit_action
    edit("splits", "SPLT", SPLIT_DAY, split_from=2, split_to=6)
    edit("splits", "AAPL", SPLIT_DAY, split_from=1, split_to=1)
    edit("dividends", "MSFT", SPLIT_DAY, cash_amount=0.25)
    edit("dividends", "MSFT", SPLIT_DAY, cash_amount=0.5)
    factory.vendor.set_now(SUNDAY)
    assert factory.run("us_eod", SPLIT_DAY).success
    event = factory.instance.get_latest_materialization_event(dg.AssetKey(["us", "corporate_actions"]))
    assert event is not None
    assert event.asset_materialization is not None
    facts = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    assert facts["asked_for"] == "2026-09-12..2026-09-14"
    assert (facts["refused"], facts["repeats"], facts["ignored"]) == (2, 1, 1)
    assert facts["repeated_rows"] == "- SPLT 2026-09-14: split 3 for 1 came 2 times"
    assert facts["ignored_rows"] == "- AAPL 2026-09-14: split of 1 for 1 changes nothing"
    assert "MSFT 2026-09-14: recurring dividend of 0.25 USD contradicts another" in facts["refused_rows"]
    assert ("split", "SPLT", SPLIT_DAY, None) in versions(factory)
    assert not [row for row in versions(factory) if row[1] == "MSFT"]


def test_evening_by_evening_a_moved_split_and_a_late_dividend_are_found(factory: Factory) -> None:
    factory.track("AAPL", "MSFT")
    factory.vendor.edit_action("splits", "AAPL", WED, split_from=1, split_to=2)
    factory.vendor.edit_action("dividends", "MSFT", WED, cash_amount=0.25, not_before="2026-11-19T12:00:00Z")
    for session in (TUE, WED, THU):
        if session == WED:
            factory.vendor.edit_action("splits", "AAPL", WED, move_to=str(THU))
        factory.vendor.reset_stats()
        assert factory.run("us_eod", session, now=CLOSES[session]).success
        calls = factory.vendor.stats()["by_endpoint"]
        assert (calls["/stocks/v1/splits"], calls["/stocks/v1/dividends"]) == (1, 1)
    found = [row for row in versions(factory) if row[1] in ("AAPL", "MSFT") and row[2] >= TUE]
    assert [row[:3] for row in found] == [("dividend", "MSFT", WED), ("split", "AAPL", WED), ("split", "AAPL", THU)]
    assert [row[3] is None for row in found] == [True, False, True]
    factor = "SELECT split_factor::float8 FROM ohlcv_daily_adjusted WHERE ticker = 'AAPL' ORDER BY session"
    assert factory.rows(factor) == [0.5, 0.5, 1.0]


def test_bars_that_are_loaded_alone_leave_their_actions_owed_until_somebody_asks(factory: Factory) -> None:
    def owed() -> list[tuple[object, ...]]:
        calendar = library_calendar("XNYS")
        return owed_action_sessions(
            factory.engine, calendar, SPLIT_DAY, market="XNYS", now=SUNDAY, last=SPLIT_DAY
        ).rows()

    factory.track("SPLT")
    assert materialise(factory, ["us/session_bars"], SPLIT_DAY, SPLIT_DAY).success
    assert owed() == [(SPLIT_DAY, "never_asked")]
    assert factory.run("us_eod", SPLIT_DAY).success
    assert owed() == []


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
    assert "splits 2026-09-12..2026-09-14" in words, "a Monday has the weekend"
    assert "403" in words
    assert factory.materialised("session_bars") == {"2026-09-14"}


def test_what_may_go_away_is_tried_again_and_bad_input_is_not() -> None:
    asset = all_definitions().resolve_assets_def(["us", "corporate_actions"])
    policy = asset.op.retry_policy
    assert policy is not None
    assert (policy.max_retries, policy.backoff, policy.jitter) == (2, dg.Backoff.EXPONENTIAL, dg.Jitter.PLUS_MINUS)
