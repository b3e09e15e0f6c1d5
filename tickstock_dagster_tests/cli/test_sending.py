"""Events of commands: in Redis when the command ends, however it ends, and with nothing else at work."""

import contextlib
import os
import subprocess
import sys
import time

import pytest

from tickstock_dagster.adapters.events import sending
from tickstock_dagster.adapters.universes import list_edit
from tickstock_dagster.cli.operations import dev
from tickstock_dagster_tests.adapters.events.outbox_helpers import commit, ids, progress, wait_until
from tickstock_dagster_tests.adapters.store_helpers import add_security
from tickstock_dagster_tests.cli.office import Office

SET = ("universe", "set", "mine", "--symbols", "AAPL", "--reason", "test")


@pytest.fixture
def listed(office: Office) -> Office:
    """Two securities, so that a universe command has something to write."""
    add_security(office.database_url, "AAPL")
    add_security(office.database_url, "MSFT")
    return office


def waiting(office: Office) -> int:
    return int(office.rows("SELECT count(*) FROM outbox WHERE sent_at IS NULL")[0])


def test_a_command_sends_what_it_writes_and_one_that_only_reads_sends_nothing(listed: Office) -> None:
    answer = listed.tickstock(*SET)
    assert (answer.code, waiting(listed)) == (0, 0)
    sent = ids(listed.redis_url)
    assert len(sent) >= 1
    commit(listed.database_url, [progress("of somebody else", 1)])
    assert listed.tickstock("universe", "show", "mine").code == 0
    assert (waiting(listed), ids(listed.redis_url)) == (1, sent)
    assert listed.tickstock("universe", "set", "mine", "--add", "MSFT", "--reason", "test").code == 0
    assert (waiting(listed), len(ids(listed.redis_url))) == (0, len(sent) + 2), "it takes the other one with it"


@pytest.mark.parametrize(("end", "code"), [(KeyboardInterrupt, 130), (ValueError, 1)])
def test_what_was_committed_before_a_failure_is_sent_too(listed: Office, end: type[BaseException], code: int) -> None:
    write = list_edit.set_list

    def write_and_fail(*arguments: object, **options: object) -> None:
        write(*arguments, **options)  # type: ignore[arg-type]
        raise end

    listed.monkeypatch.setattr(list_edit, "set_list", write_and_fail)
    with contextlib.suppress(ValueError):
        assert listed.tickstock(*SET).code == code
    assert (waiting(listed), len(ids(listed.redis_url)) >= 1) == (0, True)


def test_without_redis_the_events_wait_one_line_says_so_and_the_command_has_succeeded(listed: Office) -> None:
    listed.configure(TICKSTOCK_REDIS_URL="redis://127.0.0.1:9/0")
    began = time.monotonic()
    answer = listed.tickstock(*SET)
    assert answer.code == 0
    assert time.monotonic() - began < 5
    [line] = answer.err.splitlines()
    assert line.startswith("Note: ")
    assert "wait, and are sent later" in line
    assert waiting(listed) >= 1


def test_a_long_run_sends_meanwhile(listed: Office) -> None:
    listed.monkeypatch.setattr(sending, "MEANWHILE_AFTER", 0.0)
    with sending.sending_meanwhile(listed.database_url, listed.redis_url):
        commit(listed.database_url, [progress("long", 1)])
        wait_until(lambda: len(ids(listed.redis_url)) == 1, seconds=5)


def test_the_dispatcher_of_dev_sends_what_sql_writes_within_seconds_and_ends_with_dagster(listed: Office) -> None:
    folder = os.environ["TICKSTOCK_STATE_DIR"]
    stand_in = (
        "import os, sys; from pathlib import Path; from tickstock_dagster.cli.operations import dev\n"
        f"dev._start_dispatcher(Path({folder!r}) / 'events.log')\n"
        "os.execv(sys.executable, [sys.executable, '-c', 'input()'])"
    )
    log = dev.Path(folder) / "events.log"
    log.unlink(missing_ok=True)
    dagster = subprocess.Popen([sys.executable, "-c", stand_in], stdin=subprocess.PIPE)
    try:
        wait_until(lambda: log.exists() and "following" in log.read_text())
        began = time.monotonic()
        listed.execute(
            "INSERT INTO outbox (event_id, channel, subject, event, occurred_at) "
            "VALUES (gen_random_uuid(), 'tickstock.universe.updated', 'x', '{}', now())"
        )
        wait_until(lambda: waiting(listed) == 0, seconds=5)
        assert time.monotonic() - began < 5
    finally:
        dagster.kill()
        dagster.communicate()
    here = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND starts_with(query, '-- The trigger outbox_announce')"
    )
    wait_until(lambda: listed.rows(here) == [0], seconds=10)
