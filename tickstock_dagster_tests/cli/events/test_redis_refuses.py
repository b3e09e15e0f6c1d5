"""What Redis refuses, in one line that says what to do, without a password; the events wait."""

from collections.abc import Callable

import pytest
import redis

from tickstock_dagster.adapters.events.stream import describe
from tickstock_dagster_tests.adapters.events.outbox_helpers import commit, progress
from tickstock_dagster_tests.cli.office import Office

Change = Callable[[redis.Redis], object]

REFUSALS: dict[str, tuple[Change, Change, str]] = {
    "a replica": (
        lambda server: server.execute_command("REPLICAOF", "127.0.0.1", "1"),
        lambda server: server.execute_command("REPLICAOF", "NO", "ONE"),
        "read only replica. (it is a replica: use the primary server)",
    ),
    "full": (
        lambda server: server.config_set("maxmemory", 1),
        lambda server: server.config_set("maxmemory", 0),
        "'maxmemory'. (it is full: raise its maxmemory, or remove what is not needed)",
    ),
    "too few replicas": (
        lambda server: server.config_set("min-replicas-to-write", 1),
        lambda server: server.config_set("min-replicas-to-write", 0),
        "Not enough good replicas to write. (too few of its replicas are there)",
    ),
}


@pytest.fixture
def waiting(office: Office) -> Office:
    """An office with one event that waits."""
    commit(office.database_url, [progress("job", 1)])
    return office


def test_what_the_server_refuses_says_what_to_do_and_the_event_waits(waiting: Office) -> None:
    with redis.Redis.from_url(waiting.redis_url) as server:
        server.ping()
        for name, (refuse, relent, words) in REFUSALS.items():
            refuse(server)
            try:
                answer = waiting.tickstock("events", "dispatch")
            finally:
                relent(server)
            assert answer.code == 1, name
            assert answer.error.startswith("Redis: "), name
            assert f"{words} (1 events wait in the outbox)" in answer.error, name
    assert waiting.tickstock("events", "dispatch").code == 0


@pytest.mark.parametrize("command", [("events", "dispatch"), ("events", "tail", "--timeout", "1")])
def test_a_server_that_is_not_there_or_refuses_the_login_is_told_without_its_password(
    waiting: Office, command: tuple[str, ...]
) -> None:
    login, _, place = waiting.redis_url.rpartition("@")
    for url, words in {
        f"redis://:hidden-word@{place}": "invalid username-password pair or user is disabled. (check the login and the",
        f"redis://{place}": "(check the login and the password in its URL)",
        "redis://:hidden-word@127.0.0.1:1/0": "Connection refused",
    }.items():
        assert login
        waiting.configure(TICKSTOCK_REDIS_URL=url)
        answer = waiting.tickstock(*command)
        assert answer.code == 1
        assert answer.error.startswith("Redis: ")
        assert words in answer.error
        assert "hidden-word" not in answer.err


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (redis.ConnectionError("max number of clients reached"), "(close other clients, or raise its maxclients)"),
        (redis.exceptions.BusyLoadingError("Redis is loading"), "(it reads its data: try again in a moment)"),
        (
            redis.ResponseError("MISCONF Errors writing\nto the AOF file"),
            "AOF file (it cannot write to its disk: see its log)",
        ),
        (redis.exceptions.NoPermissionError("no permission"), "(give the login its rights)"),
        (redis.ResponseError("odd"), "Redis: odd"),
        (ConnectionResetError(), "Redis: ConnectionResetError"),
    ],
)
def test_what_it_is_hard_to_provoke_has_its_words_too(error: Exception, line: str) -> None:
    assert describe(error).endswith(line)
    assert "\n" not in describe(error)
