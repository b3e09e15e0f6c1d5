"""The embedded servers, really started: what a person, a second process, a crash and a stranger can do to them."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from tickstock_dagster.adapters.services import base, processes
from tickstock_dagster.adapters.services.base import EmbeddedService
from tickstock_dagster.adapters.services.local import LocalServices, ServiceAddresses, without_password
from tickstock_dagster.adapters.services.state import StateDir, port_is_free
from tickstock_dagster.core.errors import ServiceUnavailableError

UP = """
import sys
from pathlib import Path
from tickstock_dagster.adapters.services.local import LocalServices
services = LocalServices(Path(sys.argv[1]))
print("go", flush=True)
services.up(simulator=False)
print(services.postgres.pid, services.valkey.pid, flush=True)
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalServices]:
    services = LocalServices(tmp_path / "state")
    yield services
    services.down()


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of servers that ran once: to initialise a cluster takes half a second."""
    services = LocalServices(tmp_path_factory.mktemp("ended") / "state")
    services.up(simulator=False)
    services.down()
    return services.state.path


@pytest.fixture
def initialised(local: LocalServices, ended: Path) -> LocalServices:
    """Servers that have their databases and passwords, and do not run yet."""
    shutil.copytree(ended / "postgres", local.state.path / "postgres")
    shutil.copy(ended / "passwords.json", local.state.path)
    local.state.path.chmod(stat.S_IMODE(ended.stat().st_mode))
    return local


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServices]:
    """Running servers, for tests that leave them alone; in a folder that is long and oddly named."""
    folder = tmp_path_factory.mktemp('it\'s a "checkout" – ' + "long " * 25) / "state"
    services = LocalServices(folder)
    services.up(simulator=False)
    yield services
    services.down()


def query(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def launcher(state: Path, *prefix: str) -> subprocess.Popen[str]:
    """Another process that starts the services and is past its imports."""
    process = subprocess.Popen([*prefix, sys.executable, "-c", UP, str(state)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "go\n"
    return process


def kill(service: EmbeddedService) -> None:
    """Kill with SIGKILL and wait for the end: the signal is sent, not yet served, when os.kill returns."""
    pid = service.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while processes.is_running(pid, service.marker):
        time.sleep(0.001)


def test_up_gives_two_databases_of_a_login_that_is_no_superuser(running: LocalServices) -> None:
    addresses = running.addresses(simulator=False)
    for url, name in ((addresses.database_url, "tickstock"), (addresses.dagster_storage_url, "dagster")):
        assert query(url, "SELECT current_database()") == name
        assert query(url, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()") == (
            "tickstock"
        )
    assert query(addresses.database_url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False


def test_the_login_may_create_roles_databases_and_range_types(running: LocalServices) -> None:
    url = running.addresses(simulator=False).database_url
    query(url, "CREATE ROLE somebody NOLOGIN")
    query(url, "CREATE TYPE a_range AS RANGE (subtype = date)")
    query(url, "CREATE DATABASE another")
    query(url, "DROP DATABASE another")
    query(url, "DROP TYPE a_range")
    query(url, "DROP ROLE somebody")


def test_databases_are_utf8_sorted_by_code_point_and_on_utc(running: LocalServices) -> None:
    url = running.addresses(simulator=False).database_url
    assert query(url, "SHOW server_encoding") == "UTF8"
    assert query(url, "SELECT string_agg(s, ' ' ORDER BY s) FROM (VALUES ('a'), ('B'), ('BRK.B')) v (s)") == "B BRK.B a"
    assert query(url, "SHOW timezone") == "UTC"
    assert query(url, "SHOW fsync") == "on"


def test_events_go_to_an_append_only_file(running: LocalServices) -> None:
    with closing(redis.Redis.from_url(running.addresses(simulator=False).redis_url)) as client:
        client.set("a", 1)
        assert client.execute_command("WAITAOF", 1, 0, 5000)[0] == 1


def test_servers_listen_on_the_loopback_address_only(running: LocalServices) -> None:
    ports = {f":{running.state.port(name):04X}" for name in ("postgres", "valkey")}
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    hosts = {fields[1].partition(":")[0] for fields in listening if fields[1][8:] in ports and fields[3] == "0A"}
    assert hosts == {"0100007F"}
    listening = [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    assert not [fields for fields in listening if fields[1][32:] in ports and fields[3] == "0A"]


def test_a_second_up_changes_nothing(running: LocalServices) -> None:
    before = (running.postgres.pid, running.valkey.pid)
    again = LocalServices(running.state.path)
    addresses = again.up(simulator=False)
    assert addresses == running.addresses(simulator=False)
    assert (again.postgres.pid, again.valkey.pid) == before


def test_nobody_gets_in_without_the_password(running: LocalServices) -> None:
    addresses = running.addresses(simulator=False)
    password = running.state.password("tickstock") or ""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(addresses.database_url.replace(password, "guess"))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(addresses.database_url.replace("tickstock:", "postgres:"))
    with closing(redis.Redis(port=running.state.port("valkey") or 0)) as client, pytest.raises(redis.RedisError):
        client.ping()


def masked(addresses: ServiceAddresses) -> dict[str, str | None]:
    """Every address as it is shown to people."""
    urls = {name: value for name, value in asdict(addresses).items() if name != "embedded"}
    return {name: url and without_password(url) for name, url in urls.items()}


def test_passwords_are_nowhere_but_in_files_of_their_owner(running: LocalServices) -> None:
    passwords = [running.state.password(login) for login in ("tickstock", "valkey")]
    addresses = running.addresses(simulator=False)
    shown = [repr(addresses), json.dumps(masked(addresses)), repr(running.status())]
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) != os.getpid():
            with suppress(OSError):  # gone, or somebody else's
                shown += [(process / name).read_bytes().decode(errors="replace") for name in ("cmdline", "environ")]
    shown += [log.read_text() for log in running.state.path.glob("*.log")]
    assert len(shown) > 5
    for password in passwords:
        assert password
        assert len(password) == 32
        assert not [text for text in shown if password in text]
        holders = {
            path.name for path in running.state.path.glob("*") if path.is_file() and password in path.read_text()
        }
        assert holders <= {"passwords.json", "valkey.conf"}
    for name in ("passwords.json", "valkey.conf", "ports.json", "postgres.log"):
        assert stat.S_IMODE((running.state.path / name).stat().st_mode) == 0o600


def test_no_mode_of_a_parent_folder_changes_and_no_account_is_made(tmp_path: Path) -> None:
    def facts() -> list[object]:
        return [Path("/etc/passwd").read_bytes(), *((p.stat().st_mode, p.stat().st_uid) for p in tmp_path.parents)]

    before = facts()
    services = LocalServices(tmp_path / "state")
    services.up(simulator=False)
    services.down()
    assert facts() == before


def test_status_says_what_runs_and_creates_nothing(local: LocalServices) -> None:
    assert [(s.name, s.state, s.pid) for s in local.status()] == [
        ("postgres", "down", None),
        ("valkey", "down", None),
        ("simulator", "down", None),
    ]
    assert not local.state.path.exists()
    assert local.down() == []
    assert not local.state.path.exists()
    local.up(simulator=False)
    assert [s.state for s in local.status()] == ["up", "up", "down"]
    assert local.status()[0].pid == local.postgres.pid


def test_addresses_of_services_that_were_never_started_are_an_error(local: LocalServices) -> None:
    with pytest.raises(ServiceUnavailableError, match="never started"):
        local.addresses()


def test_down_stops_everything_and_up_brings_data_and_ports_back(initialised: LocalServices) -> None:
    first = initialised.up(simulator=False)
    query(first.database_url, "CREATE TABLE t AS SELECT 7 AS n")
    with closing(redis.Redis.from_url(first.redis_url)) as client:
        client.set("n", 7)
    assert initialised.down() == ["valkey", "postgres"]
    assert initialised.down() == []
    assert "database system is shut down" in initialised.postgres.log.read_text()
    second = initialised.up(simulator=False)
    assert second == first
    assert query(second.database_url, "SELECT n FROM t") == 7
    with closing(redis.Redis.from_url(second.redis_url)) as client:
        assert client.get("n") == b"7"


@pytest.mark.parametrize("by", ["up", "down"])
def test_a_killed_postgres_comes_back_with_its_data_and_its_endless_query_ends(
    initialised: LocalServices, by: str
) -> None:
    addresses = initialised.up(simulator=False)
    query(addresses.database_url, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
    endless = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"
    with ThreadPoolExecutor() as pool:
        cut_off = pool.submit(query, f"{addresses.database_url}?options=-cstatement_timeout%3D20s", endless)
        find = "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
        while not isinstance(backend := query(addresses.database_url, find), int):
            time.sleep(0.01)
        kill(initialised.postgres)
        if by == "up":
            assert initialised.up(simulator=False) == addresses
        else:
            assert initialised.down() == ["valkey"]
        assert not processes.is_running(backend, "postgres")
        with pytest.raises(psycopg.OperationalError):
            cut_off.result(timeout=10)
    assert initialised.up(simulator=False) == addresses
    assert query(addresses.database_url, "SELECT count(*) FROM t") == 1000


def test_a_killed_valkey_comes_back_with_its_data(initialised: LocalServices) -> None:
    addresses = initialised.up(simulator=False)
    with closing(redis.Redis.from_url(addresses.redis_url)) as client:
        client.xadd("stream", {"n": 7})
        client.execute_command("WAITAOF", 1, 0, 5000)
    kill(initialised.valkey)
    assert initialised.up(simulator=False) == addresses
    with closing(redis.Redis.from_url(addresses.redis_url)) as client:
        assert client.xlen("stream") == 1


def test_process_ids_that_belong_to_strangers_now_are_ignored(initialised: LocalServices) -> None:
    addresses = initialised.up(simulator=False)
    kill(initialised.postgres)
    kill(initialised.valkey)
    lines = initialised.postgres.pid_file.read_text().splitlines()
    initialised.postgres.pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    initialised.valkey.pid_file.write_text(f"{os.getpid()}\n")
    assert [s.state for s in initialised.status()[:2]] == ["down", "down"]
    assert initialised.up(simulator=False) == addresses


def test_an_initialisation_that_was_broken_off_leaves_nothing(local: LocalServices) -> None:
    leftover = local.state.path / "postgres.new-broken"
    (leftover / "base").mkdir(parents=True)
    (leftover / "PG_VERSION").write_text("18\n")
    local.up(simulator=False)
    assert not list(local.state.path.glob("postgres.new-*"))


@pytest.mark.parametrize(
    "delay", [0.0, 0.2, 0.4, *(pytest.param(delay, marks=pytest.mark.slow) for delay in (0.02, 0.1, 0.3, 0.5))]
)
def test_a_launcher_killed_at_any_moment_leaves_nothing_in_the_way(local: LocalServices, delay: float) -> None:
    with launcher(local.state.path) as other:
        time.sleep(delay)
        other.kill()
    addresses = local.up(simulator=False)
    assert query(addresses.dagster_storage_url, "SELECT 1") == 1
    assert query(addresses.database_url, "SELECT count(*) FROM pg_database WHERE NOT datistemplate") == 3
    servers = [
        pid for pid in processes.processes_in(local.state.path / "valkey") if processes.is_running(pid, "valkey-server")
    ]
    assert servers == [local.valkey.pid]


def test_two_starters_at_once_start_one_server_each(local: LocalServices) -> None:
    others = [launcher(local.state.path) for _ in range(3)]
    # communicate() also returns only once no server holds the pipe.
    answers = {other.communicate(timeout=60)[0] for other in others}
    assert answers == {f"{local.postgres.pid} {local.valkey.pid}\n"}


def test_servers_outlive_their_starter_and_hold_no_lock(initialised: LocalServices) -> None:
    other = launcher(initialised.state.path)
    other.communicate(timeout=60)
    with initialised.state.lock(timeout=0.5):
        assert initialised.postgres.is_up()
        assert initialised.valkey.is_up()
    assert os.getsid(initialised.postgres.pid or 0) != os.getsid(0)


def test_a_port_that_somebody_took_is_replaced_and_the_new_one_kept(initialised: LocalServices) -> None:
    before = initialised.up(simulator=False)
    initialised.down()
    with closing(socket.create_server(("127.0.0.1", initialised.state.port("postgres") or 0))):
        moved = initialised.up(simulator=False)
        assert moved.database_url != before.database_url
        assert moved.redis_url == before.redis_url
    initialised.down()
    assert initialised.up(simulator=False) == moved


def test_a_server_whose_port_was_forgotten_is_restarted(initialised: LocalServices) -> None:
    addresses = initialised.up(simulator=False)
    (initialised.state.path / "ports.json").unlink()
    assert initialised.up(simulator=False) == addresses


def test_a_server_that_does_not_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    services = LocalServices(tmp_path / "state", postgres_options={"shared_buffers": "much"})
    with pytest.raises(ServiceUnavailableError, match=r"(?s)postgres did not start.*invalid value.*shared_buffers"):
        services.up(simulator=False)
    services.down()


def test_a_server_that_hangs_is_reported_and_stopped_all_the_same(
    initialised: LocalServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    initialised.up(simulator=False)
    os.kill(initialised.valkey.pid or 0, signal.SIGSTOP)
    assert [s.state for s in initialised.status()] == ["up", "unresponsive", "down"]
    monkeypatch.setattr(base, "READY_TIMEOUT", 0.5)
    with pytest.raises(ServiceUnavailableError, match="valkey does not answer"):
        initialised.up(simulator=False)
    with initialised.state.lock():
        assert initialised.valkey.stop(timeout=0.2)
    assert initialised.valkey.pid is None


def test_lost_passwords_are_named_and_nothing_is_overwritten(initialised: LocalServices) -> None:
    initialised.up(simulator=False)
    initialised.down()
    (initialised.state.path / "passwords.json").unlink()
    with pytest.raises(ServiceUnavailableError, match=r"passwords .* are lost"):
        initialised.up(simulator=False)
    assert initialised.postgres.data.is_dir()


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_damaged_state_file_is_named(local: LocalServices, content: str) -> None:
    local.state.path.mkdir()
    (local.state.path / "ports.json").write_text(content)
    with pytest.raises(ServiceUnavailableError, match=r"ports\.json"):
        local.up(simulator=False)
    (local.state.path / "ports.json").unlink()


def test_waiting_for_another_starter_ends(local: LocalServices) -> None:
    with (
        local.state.lock(),
        pytest.raises(ServiceUnavailableError, match="another process"),
        local.state.lock(timeout=0.05),
    ):
        pass


def test_a_state_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServiceUnavailableError, match="TICKSTOCK_STATE_DIR"):
        LocalServices(tmp_path / "file" / "state").up(simulator=False)


def test_a_checkout_keeps_its_ports_when_its_state_is_deleted_and_shares_none(tmp_path: Path) -> None:
    def ports(name: str) -> list[int]:
        state = StateDir(tmp_path / name)
        state.path.mkdir(exist_ok=True)
        chosen = [state.choose_port(service) for service in ("postgres", "valkey", "simulator")]
        (state.path / "ports.json").unlink()
        return chosen

    first = ports("a")
    assert ports("a") == first
    # One in 700 pairs of checkouts meets by chance; then the later of them to start takes other ports.
    assert any(len({*first, *ports(name)}) == 6 for name in "bcd")
    assert all(20_000 <= port < 30_000 and port_is_free(port) for port in first)


def test_a_log_that_has_grown_large_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOG_LIMIT", 3)
    log = tmp_path / "server.log"
    log.write_text("old output")
    processes.spawn(["/bin/echo", "new"], log=log, cwd=tmp_path).wait()
    assert log.read_text() == "new\n"
    assert (tmp_path / "server.log.1").read_text() == "old output"


def test_the_process_list_tells_servers_from_other_processes(running: LocalServices) -> None:
    assert running.postgres.pid in processes.processes_in(running.postgres.data)
    assert running.valkey.is_up()
    assert not processes.is_running(os.getpid(), running.postgres.marker)
    assert processes.processes_in(running.state.path) == []
    assert [number for number in (-1, 0, 2**70) if processes.is_running(number, "")] == []


def test_a_process_that_nobody_collects_has_gone_all_the_same(tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/sleep", "60"], cwd=tmp_path) as process:
        assert processes.processes_in(tmp_path) == [process.pid]
        before = time.monotonic()
        assert processes.stop(process.pid, "sleep", signal.SIGTERM, timeout=30.0)
        assert time.monotonic() - before < 10
        assert Path(f"/proc/{process.pid}").exists(), "a zombie, which its parent collects only now"
        assert process.wait() == -signal.SIGTERM


def test_a_process_that_does_not_listen_is_killed() -> None:
    script = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert not processes.stop(process.pid, "signal.pause", signal.SIGTERM, timeout=0.1)
        assert process.wait() == -signal.SIGKILL


def test_a_process_that_is_gone_needs_no_stopping() -> None:
    with subprocess.Popen(["/bin/true"]) as process:
        process.wait()
    assert processes.stop(process.pid, "true", signal.SIGTERM, timeout=1.0)


def test_a_process_of_another_user_cannot_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: psutil.Process, _: int) -> None:
        raise psutil.AccessDenied(self.pid)

    monkeypatch.setattr(psutil.Process, "send_signal", refused)
    with pytest.raises(PermissionError, match="Operation not permitted"):
        processes.stop(os.getpid(), "python", signal.SIGTERM, timeout=1.0)


def test_a_log_that_is_missing_or_empty_is_called_so(tmp_path: Path) -> None:
    assert processes.tail(tmp_path / "no.log") == "(its log is empty)"


@needs_root
def test_root_without_user_namespaces_runs_postgres_as_nobody_in_folders_closed_to_nobody(
    initialised: LocalServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    works = processes._works
    initialised.up(simulator=False)
    assert initialised.postgres.data.stat().st_uid == 0, "with namespaces, root keeps its files"
    query(initialised.addresses(simulator=False).database_url, "CREATE TABLE t AS SELECT 7 AS n")
    initialised.down()
    initialised.state.path.chmod(0o700)
    monkeypatch.setattr(processes, "_works", lambda prefix: prefix[0] != "unshare" and works(prefix))
    addresses = initialised.up(simulator=False)
    assert initialised.postgres.data.stat().st_uid != 0
    assert query(addresses.database_url, "SELECT n FROM t") == 7
    assert stat.S_IMODE(initialised.state.path.stat().st_mode) == 0o700
    kill(initialised.postgres)
    assert initialised.up(simulator=False) == addresses


@needs_root
def test_root_where_nothing_else_is_possible_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_works", lambda _: False)
    services = LocalServices(tmp_path / "state")
    with pytest.raises(ServiceUnavailableError, match="ordinary user"):
        services.up(simulator=False)
    services.down()


@needs_root
def test_an_ordinary_user_needs_nothing_and_root_leaves_their_files_to_them() -> None:
    user = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
    if subprocess.run([*user, sys.executable, "-c", "import tickstock_dagster"], cwd="/").returncode:
        pytest.skip("this environment is in a folder that is closed to other users")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chown(folder, 65534, 65534)
        services = LocalServices(Path(folder) / "state")
        for prefix in (user, (), user):
            output, _ = launcher(services.state.path, *prefix).communicate(timeout=60)
            assert output == f"{services.postgres.pid} {services.valkey.pid}\n"
            services.down()
        assert {path.stat().st_uid for path in services.state.path.rglob("*")} == {65534}


def test_addresses_compare_and_hide_their_logins() -> None:
    addresses = ServiceAddresses("postgresql://a:b@h:1/d?password=c", "postgresql://a@h/d", "redis://h:6379/0")
    assert masked(addresses) == {
        "database_url": "postgresql://a:***@h:1/d",
        "dagster_storage_url": "postgresql://a@h/d",
        "redis_url": "redis://h:6379/0",
        "simulator_url": None,
    }
    assert "postgresql" not in repr(addresses)
