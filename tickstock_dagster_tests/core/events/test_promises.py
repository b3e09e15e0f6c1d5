"""Events that break what their fields' descriptions say cannot be made, nor pass the look through every database."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from tickstock_dagster.core.events.envelope import (
    ConfigUpdated,
    DataStale,
    EodStatus,
    EtfCorrelationUpdate,
    Event,
    EventData,
    JobProgress,
    PriceAnomaly,
)
from tickstock_dagster_tests.event_promises import broken_promises

NOW = datetime(2026, 11, 20, 22, tzinfo=UTC)
FRI = date(2026, 11, 20)
STATUS = {
    "session": FRI, "market": "XNYS", "expected": 1, "stored": 1, "explained": 0, "missing": 0, "state": "started",
    "attempt": 1,
}  # fmt: skip
PROGRESS = {"job_id": "load", "done": 1, "total": 2, "unit": "symbols", "symbol": "AAPL"}
MOVED = {"symbol": "XLK", "reference": "SPY", "session": FRI, "sessions": 60, "correlation": 0.9, "step": 0.05}
FOUND = {
    "market": "XNYS", "symbol": "AAA", "session": FRI, "rule": "price_move", "dataset": "ohlcv_daily",
    "verdict": "suspicious", "severity": "warn", "cause": "why", "value": 0.3, "threshold": 0.2, "unit": "share",
    "evidence": {"close": 10}, "would_change": "a split",
}  # fmt: skip
CHANGED = {"config": "equity_types", "key": "ETF", "changed": ["a"], "before": {"a": 1}, "after": {"a": 2}}


@pytest.mark.parametrize(
    ("model", "fields", "change"),
    [
        (EodStatus, STATUS, {"due_at": NOW}),
        (EodStatus, STATUS, {"state": "overdue"}),
        (PriceAnomaly, FOUND, {"verdict": "explained"}),
        (PriceAnomaly, FOUND, {"was": "suspicious"}),
        (PriceAnomaly, FOUND, {"verdict": "perhaps"}),
        (JobProgress, PROGRESS, {"unit": "units"}),
        (JobProgress, PROGRESS, {"unit": "sessions"}),
        (JobProgress, PROGRESS, {"run_id": "load"}),
        (EtfCorrelationUpdate, MOVED, {"previous": 0.86}),
        (EtfCorrelationUpdate, MOVED, {"sessions": 61}),
        (ConfigUpdated, CHANGED, {"before": {"b": 1}}),
        (ConfigUpdated, CHANGED, {"before": {"a": 2}}),
    ],
    ids=str,
)
def test_a_promise_of_a_description_is_enforced(
    model: type[EventData], fields: dict[str, Any], change: dict[str, Any]
) -> None:
    model.model_validate(fields)
    with pytest.raises(ValidationError):
        model.model_validate({**fields, **change})


@pytest.mark.parametrize("word", ["cli", "plan", "sql"])
def test_a_run_id_is_null_outside_of_dagster(word: str) -> None:
    assert EodStatus.model_validate({**STATUS, "run_id": word}).run_id is None
    assert EodStatus.model_json_schema()["properties"]["run_id"]["not"] == {"enum": ["cli", "plan", "sql"]}


def test_a_message_is_one_line() -> None:
    assert EodStatus.model_validate({**STATUS, "message": "one\n  two\n"}).message == "one two"


def test_every_broken_promise_of_a_stored_event_is_named() -> None:
    sound = Event.of(EodStatus.model_validate(STATUS), time=NOW, dedupe_key="1").envelope()
    assert broken_promises([sound, sound]) == []
    breaks: list[dict[str, Any]] = [
        {"data": {**sound["data"], "run_id": "sql"}},
        {"data": {**sound["data"], "completeness": 0.5}},
        {"data": {key: value for key, value in sound["data"].items() if key != "run_id"}},
        {"data": {**sound["data"], "more": 1}},
        {"subject": "XNYS"},
        {"time": "2026-11-20T22:00:00+01:00"},
        {"type": "tickstock.unknown"},
        {"id": "1"},
        {"source": "/elsewhere"},
    ]
    for change in breaks:
        assert len(broken_promises([{**sound, **change}])) == 1, change


def test_what_is_published_once_is_not_published_twice() -> None:
    gap = {"first_missing": FRI, "last_missing": FRI, "missing_sessions": 1, "reason": "vendor_late"}
    stale = DataStale.model_validate(FOUND | {"symbol": "AAPL", "rule": "data_stale"} | gap)
    twice = [Event.of(stale, time=NOW, dedupe_key=key).envelope() for key in "ab"]
    assert broken_promises(twice) == [
        "tickstock.quality.data_stale ('XNYS', 'AAPL', '2026-11-20', 'suspicious'): published 2 times"
    ]
