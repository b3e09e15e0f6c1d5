"""`tickstock.eod.complete`: once for a session, however often it is run, and only for a day that has ended."""

import json
from datetime import date

import redis

from tickstock_dagster.defs.tags import SESSION_TAG, TRIGGER_TAG
from tickstock_dagster_tests.defs.factory import FORTY, FRI, MON, THU, Factory

CHANNEL = "tickstock.eod.complete"


def delivered(factory: Factory) -> list[dict[str, object]]:
    """The envelopes in the channel's stream."""
    with redis.Redis.from_url(factory.redis_url, decode_responses=True) as client:
        return [json.loads(fields["event"]) for _, fields in client.xrange(CHANNEL)]


def test_there_is_one_for_a_session_however_often_it_is_run(factory: Factory) -> None:
    factory.track()
    tags = {SESSION_TAG: "2026-11-20", TRIGGER_TAG: "eod"}
    runs = [factory.run("us_eod", FRI, tags=tags) for _ in range(3)]
    assert all(run.success for run in runs)
    events = delivered(factory)
    assert len(events) == len(factory.events(CHANNEL)) == 1
    event = events[0]
    assert (event["type"], event["subject"]) == (CHANNEL, "XNYS/2026-11-20")
    data = event["data"]
    assert isinstance(data, dict)
    assert {name: data[name] for name in ("session", "market", "expected", "stored", "missing", "completeness")} == {
        "session": "2026-11-20",
        "market": "XNYS",
        "expected": 3,
        "stored": 3,
        "missing": 0,
        "completeness": 1.0,
    }
    assert data["run_id"] == runs[0].run_id


def test_a_backfill_of_old_sessions_tells_nobody(factory: Factory) -> None:
    factory.track()
    assert factory.run("us_eod", MON, THU).success
    assert factory.run("us_eod", date(2014, 6, 2)).success
    assert factory.events(CHANNEL) == []


def test_an_end_of_day_run_for_an_old_session_does_tell(factory: Factory) -> None:
    factory.track()
    assert factory.run("us_eod", THU, tags={SESSION_TAG: "2026-11-19", TRIGGER_TAG: "eod"}).success
    assert [event["session"] for event in factory.events(CHANNEL)] == ["2026-11-19"]


def test_a_session_tells_when_it_reaches_the_objective_and_not_before(factory: Factory) -> None:
    factory.track(*FORTY)
    factory.vendor.install("missing_symbols", day=FRI, tickers=FORTY[:3])
    assert not factory.run("us_eod", FRI).success
    assert factory.events(CHANNEL) == []
    factory.vendor.clear_faults()
    assert factory.run("us_eod", FRI, config={"tickers": [FORTY[0]], "ask_again": True}).success
    told = factory.events(CHANNEL)
    assert [(event["stored"], event["missing"]) for event in told] == [(38, 2)], "of everything tracked"
    assert factory.run("us_eod", FRI, config={"ask_again": True}).success
    assert factory.events(CHANNEL) == told
