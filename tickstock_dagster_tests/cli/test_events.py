"""`tickstock events`: what is printed, in which form, and which exit code a script gets."""

import json
import sys

import pytest

from tickstock_dagster import cli
from tickstock_dagster.cli import events as events_command
from tickstock_dagster.core.events_catalogue import event_catalogue
from tickstock_dagster.settings import load_settings
from tickstock_dagster_tests.adapters.outbox_helpers import commit, ids, interleaved

CLOSED_PORT = "redis://:hidden-word@127.0.0.1:1/0"
EVENTS = interleaved(1, 3)


@pytest.fixture
def configured(migrated_database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of an operator whose servers are configured; a vendor address keeps the simulator down."""
    monkeypatch.setenv("TICKSTOCK_DATABASE_URL", migrated_database_url)
    monkeypatch.setenv("TICKSTOCK_REDIS_URL", redis_url)
    monkeypatch.setenv("TICKSTOCK_DAGSTER_STORAGE_URL", migrated_database_url)
    monkeypatch.setenv("MASSIVE_BASE_URL", "http://127.0.0.1:1")
    return monkeypatch


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run `tickstock events …` as the entry point does; returns the exit code."""
    load_settings.cache_clear()
    monkeypatch.setattr(sys, "argv", ["tickstock", "events", *arguments])
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_dispatch_sends_what_waits_and_tail_shows_it(
    configured: pytest.MonkeyPatch, migrated_database_url: str, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(migrated_database_url, EVENTS)
    assert run(configured, "dispatch") == 0
    assert capsys.readouterr().out.startswith("3 events sent in ")
    assert ids(redis_url) == [str(event.id) for event in EVENTS]

    assert run(configured, "tail", "--from-start", "--count", "2") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"2026-11-20T22:00:00Z  tickstock.jobs.progress  job-0  job_id=job-0 done={done} total=100000 unit=symbols "
        f"progress={done}e-05"
        for done in (1, 2)
    ]

    assert (
        run(configured, "tail", "--from-start", "--channel", "tickstock.jobs.progress", "--count", "3", "--json") == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [event.envelope() for event in EVENTS]


def test_dispatch_in_json(
    configured: pytest.MonkeyPatch, migrated_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(migrated_database_url, EVENTS)
    assert run(configured, "dispatch", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report.pop("seconds") > 0
    assert report == {
        "sent": 3, "left": 0, "error": None, "busy": False, "confirmed": True, "refused": 0, "waits_for": None
    }  # fmt: skip


def test_a_long_dispatch_shows_how_far_it_is(
    configured: pytest.MonkeyPatch, migrated_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configured.setattr(events_command, "MANY", 1)
    commit(migrated_database_url, EVENTS)
    assert run(configured, "dispatch", "--json") == 0
    printed = capsys.readouterr()
    assert "Sending events" in printed.err
    assert json.loads(printed.out)["sent"] == 3


def test_dispatch_fails_in_one_line_while_redis_is_away(
    configured: pytest.MonkeyPatch, migrated_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configured.setenv("TICKSTOCK_REDIS_URL", CLOSED_PORT)
    commit(migrated_database_url, EVENTS)
    assert run(configured, "dispatch", "--json") == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["left"] == 3
    assert len(printed.err.splitlines()) == 1
    assert "refused" in printed.err
    assert "3 events wait in the outbox" in printed.err
    assert "hidden-word" not in printed.out + printed.err


def test_status_shows_what_waits_and_why(
    configured: pytest.MonkeyPatch, migrated_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(configured, "status") == 0
    assert capsys.readouterr().out.splitlines() == ["waiting          0", "sent in 24 hours 0"]
    commit(migrated_database_url, EVENTS)
    configured.setenv("TICKSTOCK_REDIS_URL", CLOSED_PORT)
    run(configured, "dispatch")
    capsys.readouterr()
    assert run(configured, "status") == 0
    waiting, sent, error = capsys.readouterr().out.splitlines()
    assert waiting == "waiting          3, the oldest since 2026-11-20 22:00:00 UTC"
    assert sent == "sent in 24 hours 0"
    assert "refused" in error
    assert run(configured, "status", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert "refused" in found.pop("last_error")
    assert found == {
        "unsent": 3, "oldest_unsent": "2026-11-20T22:00:00+00:00", "sent_last_day": 0, "dead": 0, "held": 0, "alerts": []
    }  # fmt: skip


def test_tail_fails_when_fewer_events_come_than_asked_for(
    configured: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(configured, "tail", "--count", "1", "--timeout", "0.2") == 1
    assert capsys.readouterr().err == "tickstock: 0 of 1 events came within 0.2 s\n"


def test_tail_without_a_count_ends_quietly(configured: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(configured, "tail", "--timeout", "0.2") == 0
    assert capsys.readouterr().out == ""


def test_tail_refuses_an_unknown_channel_as_bad_input(
    configured: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(configured, "tail", "--channel", "tickstock.eod.done") == 2
    assert "did you mean tickstock.eod.complete?" in capsys.readouterr().err


def test_tail_fails_in_one_line_while_redis_is_away(
    configured: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configured.setenv("TICKSTOCK_REDIS_URL", CLOSED_PORT)
    assert run(configured, "tail") == 1
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "refused" in error
    assert "hidden-word" not in error


def test_catalogue_prints_the_document(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "catalogue") == 0
    assert capsys.readouterr().out == event_catalogue()
