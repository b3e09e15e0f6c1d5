"""The events' models, envelope, ids and aliases, and the catalogue made from them."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.events.catalogue import event_catalogue
from tickstock_dagster.core.events.envelope import (
    EVENTS,
    EodComplete,
    EodStatus,
    Event,
    EventData,
    JobProgress,
    ScheduleAdjusted,
    event_model,
    legacy_payload,
)
from tickstock_dagster.settings import PROJECT_ROOT

MOMENT = datetime(2026, 11, 20, 21, 30, 12, 345678, tzinfo=UTC)


def eod_complete(**changes: Any) -> EodComplete:
    fields: dict[str, Any] = {
        "session": date(2026, 11, 20),
        "market": "XNYS",
        "expected": 10,
        "stored": 7,
        "explained": 2,
        "missing": 1,
        "gaps_by_reason": {"no_trade": 2, "vendor_late": 1},
        "run_id": "run-1",
        "started_at": MOMENT - timedelta(seconds=12.5),
        "finished_at": MOMENT,
    }
    return EodComplete(**(fields | changes))


def job_progress(done: int = 3, **changes: Any) -> JobProgress:
    fields: dict[str, Any] = {"job_id": "load-1", "done": done, "total": 4, "unit": "symbols", "symbol": "AAPL"}
    return JobProgress(**(fields | changes))


def early_close() -> ScheduleAdjusted:
    return ScheduleAdjusted(
        market="XNYS",
        session=date(2026, 11, 27),
        adjustment_type="early_close",
        details={"close": "13:00", "reason": "Day after Thanksgiving"},
    )


def test_the_same_change_told_twice_is_one_event() -> None:
    first = Event.of(eod_complete(), time=MOMENT, dedupe_key="run-1")
    again = Event.of(eod_complete(run_id="run-1b"), time=MOMENT + timedelta(hours=1), dedupe_key="run-1")
    assert first.id == again.id


def test_an_id_stays_the_same_from_release_to_release() -> None:
    event = Event.of(eod_complete(), time=MOMENT, dedupe_key="run-1")
    assert str(event.id) == "98d44b98-094a-5c6b-83ad-b4a660d67bee"


def test_another_key_another_subject_or_another_channel_is_another_event() -> None:
    events = [
        Event.of(eod_complete(), time=MOMENT, dedupe_key="run-1"),
        Event.of(eod_complete(), time=MOMENT, dedupe_key="run-2"),
        Event.of(eod_complete(market="XETR"), time=MOMENT, dedupe_key="run-1"),
        Event.of(early_close(), time=MOMENT, dedupe_key="run-1"),
        Event.of(job_progress(job_id="XNYS/2026-11-20"), time=MOMENT, dedupe_key="run-1"),
    ]
    assert len({event.id for event in events}) == len(events)


def test_the_envelope_is_cloudevents_in_json() -> None:
    event = Event.of(eod_complete(), time=MOMENT.astimezone(timezone(timedelta(hours=-5))), dedupe_key="run-1")
    envelope = event.envelope()
    assert json.loads(json.dumps(envelope, allow_nan=False)) == envelope
    assert envelope == {
        "specversion": "1.0",
        "id": str(event.id),
        "source": "/tickstock/dagster",
        "type": "tickstock.eod.complete",
        "subject": "XNYS/2026-11-20",
        "time": "2026-11-20T21:30:12.345678Z",
        "datacontenttype": "application/json",
        "data": {
            "session": "2026-11-20",
            "market": "XNYS",
            "expected": 10,
            "stored": 7,
            "explained": 2,
            "missing": 1,
            "gaps_by_reason": {"no_trade": 2, "vendor_late": 1},
            "run_id": "run-1",
            "started_at": "2026-11-20T21:29:59.845678Z",
            "finished_at": "2026-11-20T21:30:12.345678Z",
            "completeness": 0.875,
            "elapsed_seconds": 12.5,
        },
    }


def test_an_event_without_a_time_zone_is_refused() -> None:
    with pytest.raises(BadInputError, match="time zone"):
        Event.of(eod_complete(), time=datetime(2026, 11, 20, 21, 30), dedupe_key="run-1")  # noqa: DTZ001
    with pytest.raises(ValidationError, match="timezone"):
        eod_complete(started_at=datetime(2026, 11, 20, 21, 30))  # noqa: DTZ001


def test_an_event_without_a_key_is_refused() -> None:
    with pytest.raises(BadInputError, match="dedupe_key"):
        Event.of(eod_complete(), time=MOMENT, dedupe_key="")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"missing": 0}, "must be expected"),
        ({"stored": -1, "missing": 9}, "greater than or equal to 0"),
        ({"gaps_by_reason": {"no_trade": 4}}, "must not count more"),
        ({"finished_at": MOMENT - timedelta(hours=1)}, "must not be before"),
        ({"market": ""}, "at least 1 character"),
        ({"symbols": 10}, "Extra inputs are not permitted"),
    ],
)
def test_a_session_whose_figures_contradict_one_another_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        eod_complete(**changes)


def test_a_session_for_which_nothing_is_owed_has_no_completeness() -> None:
    nothing = {"expected": 2, "stored": 0, "explained": 2, "missing": 0, "gaps_by_reason": {"halted": 2}}
    assert eod_complete(**nothing).completeness is None


def test_an_open_reason_counts_as_missing_and_a_final_one_does_not() -> None:
    assert eod_complete().completeness == 7 / 8


@pytest.mark.parametrize("changes", [{"done": 5}, {"done": -1}, {"total": 0, "done": 0}, {"job_id": ""}])
def test_progress_beyond_its_total_or_of_nothing_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        job_progress(**changes)


def test_the_alias_of_a_complete_session_has_the_plain_data() -> None:
    envelope = Event.of(eod_complete(), time=MOMENT, dedupe_key="run-1").envelope()
    assert legacy_payload(envelope) == ("eod_complete", envelope["data"])


def test_the_alias_of_progress_has_the_documents_three_fields() -> None:
    envelope = Event.of(job_progress(), time=MOMENT, dedupe_key="3").envelope()
    assert legacy_payload(envelope) == ("job_progress", {"job_id": "load-1", "symbol": "AAPL", "progress": 0.75})


def test_the_alias_of_an_adjusted_schedule_has_the_documents_four_fields() -> None:
    envelope = Event.of(early_close(), time=MOMENT, dedupe_key="override-1").envelope()
    assert legacy_payload(envelope) == (
        "schedule_notification",
        {
            "type": "schedule_adjustment",
            "adjustment_type": "early_close",
            "details": {
                "market": "XNYS",
                "session": "2026-11-27",
                "close": "13:00",
                "reason": "Day after Thanksgiving",
            },
            "timestamp": "2026-11-20T21:30:12.345678Z",
        },
    )


def test_an_event_without_an_alias_or_of_a_newer_release_has_no_older_payload() -> None:
    counts = {"expected": 1, "stored": 0, "explained": 0, "missing": 1}
    status = EodStatus(session=date(2026, 11, 20), market="XNYS", state="started", attempt=1, **counts)
    envelope = Event.of(status, time=MOMENT, dedupe_key="1").envelope()
    assert legacy_payload(envelope) is None
    assert legacy_payload(envelope | {"type": "tickstock.not.yet.known"}) is None


def test_the_alias_of_a_stored_event_of_an_older_shape_can_still_be_made() -> None:
    for model in EVENTS.values():
        old = {"type": model.channel, "time": "2026-11-20T21:30:12Z", "data": {}}
        assert (legacy_payload(old) is None) == (model.alias is None)


def test_an_unknown_channel_is_refused_with_the_nearest_name() -> None:
    assert event_model("tickstock.eod.status") is EodStatus
    with pytest.raises(BadInputError, match=r"did you mean tickstock\.eod\.complete\?"):
        event_model("tickstock.eod.completed")


@pytest.mark.parametrize("model", EVENTS.values(), ids=list(EVENTS))
def test_every_kind_of_event_says_what_it_is_and_what_its_fields_mean(model: type[EventData]) -> None:
    schema = model.model_json_schema(mode="serialization")
    assert model.channel.startswith("tickstock.")
    assert model.__doc__
    assert [name for name, field in schema["properties"].items() if not field.get("description")] == []


def test_the_committed_catalogue_is_the_generated_one() -> None:
    committed = (PROJECT_ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    assert committed == event_catalogue(), "renew it: tickstock events catalogue > docs/events.md"
