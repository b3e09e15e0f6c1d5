"""`tickstock events`: what is printed, in which form, and which exit code a script gets."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import redis

from tickstock_dagster import cli
from tickstock_dagster.adapters.events.outbox import written_here
from tickstock_dagster.cli.events import events as events_command
from tickstock_dagster.core.events.asyncapi import asyncapi_yaml
from tickstock_dagster.core.events.catalogue import event_catalogue
from tickstock_dagster.core.events.envelope import Event, ScheduleAdjusted
from tickstock_dagster.settings import load_settings
from tickstock_dagster_tests.adapters.events.outbox_helpers import NOW, commit, ids, interleaved, rows, wait_until
from tickstock_dagster_tests.mail_server import Inbox, make_certificate, smtp_environment, smtp_server

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
    written_here.clear()  # it would be another process
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
        "unsent": 3, "oldest_unsent": "2026-11-20T22:00:00+00:00", "sent_last_day": 0,
        "dead": 0, "held": 0, "alerts": [],
    }  # fmt: skip


def test_tail_fails_when_fewer_events_come_than_asked_for(
    configured: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(configured, "tail", "--count", "1", "--timeout", "0.2") == 1
    assert capsys.readouterr().err == "tickstock: 0 of 1 events arrived within 0.2 s\n"


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


ADJUSTED = "tickstock.schedule.adjusted"
EARLY_CLOSE = Event.of(
    ScheduleAdjusted(market="XNYS", session=date(2026, 11, 27), adjustment_type="early_close"),
    time=NOW,
    dedupe_key="1",
)


def give_up(configured: pytest.MonkeyPatch, database_url: str, redis_url: str) -> None:
    """Make a dead letter of `EARLY_CLOSE`; its stream is fine again afterwards."""
    commit(database_url, [EARLY_CLOSE])
    with redis.Redis.from_url(redis_url) as client:
        client.set(ADJUSTED, "not a stream")
        for _ in range(5):
            assert run(configured, "dispatch") == 1
        assert run(configured, "dispatch") == 0
        client.delete(ADJUSTED)


def test_a_dead_letter_is_shown_and_tried_again(
    configured: pytest.MonkeyPatch, migrated_database_url: str, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(configured, "dead", "list") == 0
    assert capsys.readouterr().out == ""
    give_up(configured, migrated_database_url, redis_url)
    capsys.readouterr()
    assert run(configured, "status") == 0
    assert "dead letters     1, 0 wait behind them: tickstock events dead list" in capsys.readouterr().out
    assert run(configured, "dead", "list") == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"{EARLY_CLOSE.id}  {ADJUSTED}  XNYS/2026-11-27  5 attempts, 0 behind  Redis: WRONGTYPE")
    assert run(configured, "dead", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["attempts"] == 5
    assert run(configured, "dead", "retry") == 2
    assert run(configured, "dead", "retry", "--all", str(EARLY_CLOSE.id)) == 2
    capsys.readouterr()
    assert run(configured, "dead", "retry", "--all") == 0
    assert capsys.readouterr().out.startswith("1 released; 1 events sent in ")
    assert ids(redis_url, ADJUSTED) == [str(EARLY_CLOSE.id)]


def test_a_dead_letter_is_dropped(
    configured: pytest.MonkeyPatch, migrated_database_url: str, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    give_up(configured, migrated_database_url, redis_url)
    assert run(configured, "dead", "drop", "--yes", "42") == 2
    assert "event id '42' is not accepted" in capsys.readouterr().err
    assert run(configured, "dead", "drop", "--yes", str(EARLY_CLOSE.id)) == 0
    assert capsys.readouterr().out == "1 dropped\n"
    assert run(configured, "dispatch") == 0
    assert ids(redis_url) == []


def test_replay_adds_what_was_sent_to_a_stream_and_shows_how_far_it_is(
    configured: pytest.MonkeyPatch, migrated_database_url: str, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(migrated_database_url, EVENTS)
    run(configured, "dispatch")
    capsys.readouterr()
    assert run(configured, "replay", "--since", "2026-11-20", "--to-stream", "mine") == 0
    printed = capsys.readouterr()
    assert printed.out == "3 events replayed to mine\n"
    assert "Replaying events" in printed.err
    assert ids(redis_url, "mine") == [str(event.id) for event in EVENTS]
    assert run(configured, "replay", "--from-position", "3", "--channel", "tickstock.jobs.progress") == 0
    assert capsys.readouterr().out == "1 events replayed to their streams\n"
    assert ids(redis_url) == [str(event.id) for event in [*EVENTS, EVENTS[-1]]]
    assert run(configured, "replay") == 2
    assert run(configured, "replay", "--since", "2030-01-01") == 0


def test_status_shows_who_has_lost_entries(
    configured: pytest.MonkeyPatch, migrated_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows(
        migrated_database_url,
        "INSERT INTO stream_alerts VALUES ('tickstock.events', 'app', 7, now(), now(), 3) RETURNING 1",
    )
    assert run(configured, "status") == 0
    shown = capsys.readouterr().out
    assert "alert            group app has lost 7 or more entries of tickstock.events, last seen " in shown
    assert "tickstock events replay --from-position 3" in shown
    assert run(configured, "status", "--json") == 0
    (alert,) = json.loads(capsys.readouterr().out)["alerts"]
    assert (alert["group"], alert["entries"], alert["from_position"]) == ("app", 7, 3)


@pytest.mark.usefixtures("configured")
def test_dispatch_follow_sends_what_is_committed_until_it_is_ended(
    migrated_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    heart = tmp_path / "well"
    commit(migrated_database_url, EVENTS)
    command = [sys.executable, "-c", "from tickstock_dagster.cli import main; main()", "events", "dispatch", "--follow"]
    service = subprocess.Popen(
        [*command, "--json", "--heartbeat", heart], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_until(lambda: len(ids(redis_url)) == 3)
        commit(migrated_database_url, [EARLY_CLOSE])
        wait_until(lambda: len(ids(redis_url)) == 4)
        wait_until(heart.exists)
    finally:
        service.terminate()
        out, err = service.communicate(timeout=20)
    assert service.returncode == 0
    assert sum(json.loads(line)["sent"] for line in out.splitlines()) == 4
    assert err == "following the outbox until SIGTERM or Ctrl-C\n"


def test_a_heartbeat_without_a_service_is_refused(
    configured: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(configured, "dispatch", "--heartbeat", "/tmp/well") == 2
    assert "--heartbeat '/tmp/well' is not accepted" in capsys.readouterr().err


def test_asyncapi_prints_the_document(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "asyncapi") == 0
    assert capsys.readouterr().out == asyncapi_yaml()


def test_catalogue_prints_the_document(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "catalogue") == 0
    assert capsys.readouterr().out == event_catalogue()


def test_mail_shows_that_mails_arrive_and_sends_what_waits(
    configured: pytest.MonkeyPatch, migrated_database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(configured, "mail", "--test") == 2
    assert capsys.readouterr().err == "tickstock: no SMTP server is configured (TICKSTOCK_SMTP_HOST)\n"
    inbox, certificate = Inbox(), make_certificate(tmp_path)
    closed = ScheduleAdjusted(market="XNYS", session=date(2026, 11, 27), adjustment_type="unexpected_holiday")
    commit(migrated_database_url, [Event.of(closed, time=datetime.now(UTC), dedupe_key="1")])
    with smtp_server(inbox, certificate) as port:
        for name, value in smtp_environment(port, certificate).items():
            configured.setenv(name, value)
        assert run(configured, "mail", "--test") == 0
        assert capsys.readouterr().out == f"localhost:{port} accepted the mail to a@example.org\n"
        assert run(configured, "mail", "--json") == 0
        assert json.loads(capsys.readouterr().out) == {"sent": 1, "waiting": 0}
        configured.setenv("TICKSTOCK_SMTP_PASSWORD", "another-word")
        assert run(configured, "mail", "--test") == 1
    told = capsys.readouterr()
    assert told.err == f"tickstock: localhost:{port} does not accept the login (535)\n"
    assert "word" not in told.out + told.err.replace("password", "")
    assert [message["Subject"] for _, message, _ in inbox.mails] == [
        "[TickStock] Mail to the administrators works",
        "[TickStock] XNYS is closed on 2026-11-27",
    ]


def test_a_service_that_shall_end_with_its_parent_has_to_be_one(
    configured: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(configured, "dispatch", "--with-parent") == 2
    assert "together with --follow" in capsys.readouterr().err
