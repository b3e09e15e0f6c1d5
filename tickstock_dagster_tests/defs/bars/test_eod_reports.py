"""What an end-of-day run tells while it runs, its summary, and the alerts for gaps of more than one session."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tickstock_dagster.defs.tags import SESSION_TAG, TRIGGER_TAG
from tickstock_dagster_tests.defs.factory import FORTY, FRI, MON, THU, WED, Factory, checks_of, facts_of, red_checks

pytestmark = pytest.mark.usefixtures("few_listed")

STATUS, COMPLETE, STALE = "tickstock.eod.status", "tickstock.eod.complete", "tickstock.quality.data_stale"
EOD = {SESSION_TAG: "2026-11-20", TRIGGER_TAG: "eod"}


def told(factory: Factory) -> list[tuple[int, str, int]]:
    """(attempt, state, stored) of every status in the order of writing."""
    return [(event["attempt"], event["state"], event["stored"]) for event in factory.events(STATUS)]


def row_of(table: str) -> Mapping[str, str]:
    """The first row of a markdown table by its columns."""
    head, _, row = (line.strip("| ").split(" | ") for line in table.splitlines()[:3])
    return dict(zip(head, row, strict=True))


def test_a_session_is_told_of_while_it_is_loaded_and_never_after_it_is_complete(factory: Factory) -> None:
    factory.track()
    assert factory.run("us_eod", FRI, tags=EOD).success
    assert told(factory) == [(1, "started", 0), (1, "progress", 3)]
    [started, progress] = factory.events(STATUS)
    assert (progress["expected"], progress["missing"], progress["message"]) == (3, 0, "1 of 1 units are stored")
    assert (started["market"], started["session"]) == ("XNYS", "2026-11-20")
    channels = factory.rows("SELECT channel FROM outbox WHERE channel LIKE 'tickstock.eod.%%' ORDER BY position")
    assert channels == [STATUS, STATUS, COMPLETE]
    assert factory.rows("SELECT count(*) FROM outbox WHERE sent_at IS NULL") == [0]
    assert factory.run("us_eod", FRI, tags=EOD).success
    assert len(told(factory)) == 2


def test_an_attempt_that_stays_below_the_objective_is_told_with_its_number_and_why(factory: Factory) -> None:
    factory.track(*FORTY)
    factory.vendor.install("missing_symbols", day=FRI, tickers=FORTY[:3])
    assert not factory.run("us_eod", FRI, tags=EOD).success
    factory.vendor.clear_faults()
    assert factory.run("us_eod", FRI, tags=EOD, config={"ask_again": True}).success
    assert told(factory) == [
        (1, "started", 0),
        (1, "progress", 37),
        (1, "incomplete", 37),
        (2, "started", 37),
        (2, "progress", 40),
    ]
    incomplete = factory.events(STATUS)[2]
    assert incomplete["gaps_by_reason"] == {"vendor_missing": 3}
    assert incomplete["message"].startswith("Gaps: 3 vendor_missing. First failure: grouped 2026-11-20")
    assert len(factory.events(COMPLETE)) == 1


def test_an_attempt_that_breaks_off_is_told_with_its_words(factory: Factory) -> None:
    factory.track()
    factory.configure(MASSIVE_API_KEY="wrong")
    assert not factory.run("us_eod", FRI, tags=EOD).success
    [_, failed] = factory.events(STATUS)
    assert (failed["state"], failed["stored"]) == ("failed", 0)
    assert "check MASSIVE_API_KEY" in failed["message"]


@pytest.mark.parametrize(
    ("first", "last", "config"),
    [(MON, MON, {}), (THU, FRI, {}), (FRI, FRI, {"tickers": ["AAPL"]}), (FRI, FRI, {"universe": "tests"})],
    ids=["an old session", "a range", "chosen tickers", "one universe"],
)
def test_other_loads_are_nobodys_end_of_day(
    factory: Factory, first: date, last: date, config: Mapping[str, Any]
) -> None:
    factory.track()
    assert factory.run("us_eod", first, last, config=config).success
    assert told(factory) == []


def test_one_sessions_run_ends_with_its_summary_and_its_worst_groups(factory: Factory) -> None:
    factory.track(*FORTY)
    factory.track("SPY", "QQQ", universe="funds")
    factory.vendor.install("missing_symbols", day=FRI, tickers=["QQQ"])
    result = factory.run("us_eod", FRI, tags=EOD)
    assert result.success
    facts = facts_of(result)
    row = row_of(facts["summary"])
    assert {name: row[name] for name in ("session", "expected", "stored", "explained", "missing")} == {
        "session": "2026-11-20",
        "expected": "42",
        "stored": "41",
        "explained": "0",
        "missing": "1 (1 vendor_missing)",
    }
    assert int(row["calls"]) == facts["vendor_calls"] > 0
    phases = {name: float(row[f"{name} s"]) for name in ("listing", "plan", "fetch", "store", "settle")}
    assert sum(phases.values()) > 0
    groups = facts["completeness_by_group"].splitlines()
    assert groups[2].endswith(" | 2 | 1 | 0 | 1 | 50.00% |"), "the worst first"
    assert "| universe | funds | 2 | 2 | 1 | 0 | 1 | 50.00% |" in groups
    assert "| universe | tests | 40 | 40 | 40 | 0 | 0 | 100.00% |" in groups
    assert "| type | CS (realtime) | " in facts["completeness_by_group"]


def test_a_range_has_neither_summary_nor_groups(factory: Factory) -> None:
    factory.track()
    assert not {"summary", "completeness_by_group"} & facts_of(factory.run("us_eod", THU, FRI)).keys()


def test_a_symbol_that_stays_away_for_two_sessions_alerts_once_and_warns(factory: Factory) -> None:
    factory.track(since=WED)
    factory.vendor.install("missing_symbols", tickers=["MSFT"])
    evenings = {day: datetime(2026, 11, day.day, 22, 30, tzinfo=UTC) for day in (WED, THU, FRI)}
    factory.run("us_eod", WED, now=evenings[WED])
    assert factory.events(STALE) == []
    for day in (THU, FRI):
        result = factory.run("us_eod", day, now=evenings[day])
    assert [
        (event["symbol"], event["first_missing"], event["missing_sessions"]) for event in factory.events(STALE)
    ] == [("MSFT", "2026-11-18", 2)]
    checks = factory.run("us_bar_checks")
    assert red_checks(checks)["no_long_gaps"] == "WARN"
    metadata = {name: value.value for name, value in checks_of(checks)["no_long_gaps"].metadata.items()}
    assert (metadata["value"], metadata["threshold"], metadata["gaps"], metadata["symbols"]) == (3, 1, 1, 1)
    assert metadata["newest"].splitlines()[-1] == "| MSFT | 2026-11-18 | 2026-11-20 | 3 | vendor_late |"
    assert not result.success
    factory.vendor.clear_faults()
    assert red_checks(factory.run("us_eod", WED, FRI, config={"ask_again": True})) == {}
    assert len(factory.events(STALE)) == 1
