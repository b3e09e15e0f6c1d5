"""Which servers a process gets, configured or embedded, and how other programs are told of them."""

import json
import os
import stat
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError

from tickstock_dagster.adapters.services import base, simulator
from tickstock_dagster.adapters.services.local import (
    LocalServices,
    ServiceAddresses,
    process_environment,
    resolve_addresses,
    service_statuses,
    write_dotenv,
)
from tickstock_dagster.core.errors import ServiceUnavailableError
from tickstock_dagster.core.loading.vendor_plans import PlanName
from tickstock_dagster.settings import DAGSTER_SWITCHES, PROJECT_ROOT, SIMULATOR_KEY, Settings

CONFIGURED = {
    "TICKSTOCK_DATABASE_URL": "postgresql://a:secret@127.0.0.1:1/warehouse",
    "TICKSTOCK_DAGSTER_STORAGE_URL": "postgresql://a:secret@127.0.0.1:1/storage",
    "TICKSTOCK_REDIS_URL": "redis://:secret@127.0.0.1:1/3",
    "MASSIVE_API_KEY": "key",
}
EMBEDDED = ServiceAddresses(
    "postgresql://t:p@127.0.0.1:1/tickstock",
    "postgresql://t:p@127.0.0.1:1/dagster",
    "redis://:p@127.0.0.1:2/0",
    "http://127.0.0.1:3",
    frozenset({"database_url", "dagster_storage_url", "redis_url", "simulator_url"}),
)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServices]:
    """Everything running, the simulator included."""
    services = LocalServices(tmp_path_factory.mktemp("addresses") / "state")
    services.up()
    yield services
    services.down()


def settings_with(state: Path, **variables: str) -> Settings:
    return Settings.model_validate({"TICKSTOCK_STATE_DIR": str(state), **variables})


def test_with_everything_configured_nothing_is_started(tmp_path: Path) -> None:
    settings = settings_with(tmp_path / "state", **CONFIGURED)
    assert resolve_addresses(settings) == ServiceAddresses(
        CONFIGURED["TICKSTOCK_DATABASE_URL"],
        CONFIGURED["TICKSTOCK_DAGSTER_STORAGE_URL"],
        CONFIGURED["TICKSTOCK_REDIS_URL"],
    )
    assert not (tmp_path / "state").exists()
    statuses = service_statuses(settings)
    assert {(s.name, s.kind, s.state) for s in statuses} == {
        (name, "configured", "down") for name in ("database_url", "dagster_storage_url", "redis_url")
    }
    assert "secret" not in repr(statuses)


def test_only_what_is_not_configured_is_started(tmp_path: Path) -> None:
    variables = {name: value for name, value in CONFIGURED.items() if name != "TICKSTOCK_REDIS_URL"}
    settings = settings_with(tmp_path / "state", **variables)
    addresses = resolve_addresses(settings)
    services = LocalServices(tmp_path / "state")
    try:
        assert addresses.database_url == CONFIGURED["TICKSTOCK_DATABASE_URL"]
        assert addresses.redis_url == services.valkey.url()
        assert addresses.simulator_url is None
        assert addresses.embedded == {"redis_url"}
        assert not services.postgres.data.exists()
        assert next((s.name, s.state) for s in service_statuses(settings)) == ("valkey", "up")
    finally:
        services.down()


def test_with_nothing_configured_everything_is_embedded(local: LocalServices) -> None:
    settings = settings_with(local.state.path)
    addresses = resolve_addresses(settings)
    assert addresses == local.addresses()
    assert [(s.name, s.kind, s.state) for s in service_statuses(settings)] == [
        (name, "embedded", "up") for name in ("postgres", "valkey", "simulator")
    ]


def test_our_own_addresses_given_as_configuration_are_still_embedded(local: LocalServices) -> None:
    addresses = local.addresses()
    environment = process_environment(addresses, settings_with(local.state.path))
    given = {name: value for name, value in environment.items() if name.startswith(("TICKSTOCK_", "MASSIVE_"))}
    with local.state.lock():
        local.valkey.stop()
    assert resolve_addresses(Settings.model_validate(given)) == addresses
    assert local.valkey.answers()


def test_a_vendor_key_or_address_takes_the_simulators_place(local: LocalServices) -> None:
    for variables in ({"MASSIVE_API_KEY": "key"}, {"MASSIVE_BASE_URL": "http://127.0.0.1:1"}):
        addresses = resolve_addresses(settings_with(local.state.path, **variables))
        assert addresses.simulator_url is None
        assert addresses.embedded == {"database_url", "dagster_storage_url", "redis_url"}


def test_the_simulator_restarts_for_another_plan_and_for_new_code(
    local: LocalServices, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = local.simulator.pid
    other = LocalServices(local.state.path, plan=PlanName.FREE)
    other.up()
    second = other.simulator.pid
    assert second not in (None, first)
    assert other.simulator.is_current()
    (tmp_path / "simulator").mkdir()
    source = tmp_path / "simulator" / "market.py"
    source.write_text("")
    os.utime(source, (time.time() + 10, time.time() + 10))
    monkeypatch.setattr(simulator.tickstock_dagster, "__file__", str(tmp_path / "__init__.py"))
    assert not other.simulator.is_current()
    monkeypatch.undo()
    local.up()
    assert local.simulator.pid not in (None, second)


def test_the_simulators_clock_stands_with_ours_and_goes_on_with_it(local: LocalServices) -> None:
    def asked() -> datetime:
        url = f"{local.simulator.url()}/v1/marketstatus/now?apiKey={SIMULATOR_KEY}"
        with urllib.request.urlopen(url) as answer:  # noqa: S310  # our own, on loopback
            return datetime.fromisoformat(json.load(answer)["serverTime"])

    first = local.simulator.pid
    instant = datetime(2035, 1, 3, 12, tzinfo=UTC)
    settings = settings_with(local.state.path, TICKSTOCK_NOW="2035-01-03T07:00:00-05:00")
    resolve_addresses(settings)
    second = local.simulator.pid
    assert second not in (None, first)
    assert asked() == instant
    resolve_addresses(settings)
    assert local.simulator.pid == second
    resolve_addresses(settings_with(local.state.path))
    assert local.simulator.pid not in (None, second)
    assert abs(asked() - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_stranger_on_the_simulators_port_is_not_taken_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    services = LocalServices(tmp_path / "state")
    assert not services.simulator.answers()
    services.state.path.mkdir()
    port = services.state.choose_port("simulator")
    with HTTPServer(("127.0.0.1", port), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        assert not services.simulator.answers()
        server.shutdown()
        thread.join()
    monkeypatch.setattr(simulator, "MODULE", "tickstock_dagster.no_such_module")
    monkeypatch.setattr(base, "ATTEMPTS", 1)
    with pytest.raises(ServiceUnavailableError, match=r"No module named tickstock_dagster\.no_such_module"):
        services.start({"simulator"})


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:Hidden#x@127.0.0.1:1/warehouse",
        "postgresql://user:a/Hidden@127.0.0.1:1/warehouse",
        "postgresql://user:1/Hidden@127.0.0.1:1/warehouse",
        "postgresql://user:Hidden@127.0.0.1:port/warehouse",
        "garbage Hidden",
    ],
)
def test_an_address_that_cannot_be_taken_apart_is_down_and_shows_nothing_of_itself(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings_with(tmp_path, **{**CONFIGURED, "TICKSTOCK_DATABASE_URL": url})
    assert "Hidden" not in refused.value.errors()[0]["msg"]
    settings = settings_with(tmp_path, **CONFIGURED).model_copy(update={"database_url": SecretStr(url)})
    [status] = [status for status in service_statuses(settings) if status.name == "database_url"]
    assert status.state == "down"
    assert "Hidden" not in repr(status)
    assert "percent-encoded" in str(status.address)


def test_a_dagster_process_gets_every_address_and_both_switches(tmp_path: Path) -> None:
    environment = process_environment(EMBEDDED, settings_with(tmp_path))
    assert environment["PATH"] == os.environ["PATH"]
    assert environment["TICKSTOCK_DATABASE_URL"] == EMBEDDED.database_url
    assert environment["TICKSTOCK_DAGSTER_STORAGE_URL"] == EMBEDDED.dagster_storage_url
    assert environment["TICKSTOCK_REDIS_URL"] == EMBEDDED.redis_url
    assert environment["MASSIVE_BASE_URL"] == EMBEDDED.simulator_url
    assert environment["MASSIVE_API_KEY"] == "simulator"
    assert environment["TICKSTOCK_STATE_DIR"] == str(tmp_path)
    assert environment["TICKSTOCK_DAGSTER_DIR"] == str(tmp_path / "dagster")
    assert environment["DAGSTER_HOME"] == str(PROJECT_ROOT)
    assert DAGSTER_SWITCHES.items() <= environment.items()


def test_a_dagster_process_keeps_the_configured_vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASSIVE_API_KEY", "key")
    addresses = ServiceAddresses("postgresql://h/a", "postgresql://h/b", "redis://h")
    environment = process_environment(addresses, settings_with(tmp_path))
    assert environment["MASSIVE_API_KEY"] == "key"
    assert "MASSIVE_BASE_URL" not in environment


def test_dotenv_is_read_back_as_it_was_meant_and_by_its_owner_only(tmp_path: Path) -> None:
    root = tmp_path / "it's a \\ checkout # really"
    root.mkdir()
    settings = settings_with(root / ".tickstock")
    assert write_dotenv(root, EMBEDDED, settings)
    values = dotenv_values(root / ".env")
    expected = process_environment(EMBEDDED, settings)
    assert values == {name: expected[name] for name in values}
    assert {*DAGSTER_SWITCHES, "TICKSTOCK_DAGSTER_STORAGE_URL", "MASSIVE_BASE_URL", "DAGSTER_HOME"} <= values.keys()
    assert stat.S_IMODE((root / ".env").stat().st_mode) == 0o600
    assert not write_dotenv(root, EMBEDDED, settings), "the second time, nothing changes"


def test_dotenv_has_nothing_that_is_configured(tmp_path: Path) -> None:
    addresses = ServiceAddresses(
        "postgresql://a:secret@h/a",
        "postgresql://t:p@127.0.0.1/d",
        "redis://h",
        None,
        frozenset({"dagster_storage_url"}),
    )
    assert write_dotenv(tmp_path, addresses, settings_with(tmp_path / ".tickstock", MASSIVE_API_KEY="secret"))
    values = dotenv_values(tmp_path / ".env")
    assert values["TICKSTOCK_DAGSTER_STORAGE_URL"] == addresses.dagster_storage_url
    assert not {"TICKSTOCK_DATABASE_URL", "TICKSTOCK_REDIS_URL", "MASSIVE_API_KEY"} & values.keys()
    assert "secret" not in (tmp_path / ".env").read_text()


def test_a_dotenv_of_ours_follows_the_ports(tmp_path: Path) -> None:
    settings = settings_with(tmp_path / ".tickstock")
    old = ServiceAddresses(
        "postgresql://old", "postgresql://old", "redis://old", None, EMBEDDED.embedded - {"simulator_url"}
    )
    assert write_dotenv(tmp_path, old, settings)
    assert write_dotenv(tmp_path, EMBEDDED, settings)
    assert dotenv_values(tmp_path / ".env")["TICKSTOCK_REDIS_URL"] == EMBEDDED.redis_url


def test_a_dotenv_of_somebody_else_stays(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MASSIVE_API_KEY=mine\n")
    assert not write_dotenv(tmp_path, EMBEDDED, settings_with(tmp_path / ".tickstock"))
    assert (tmp_path / ".env").read_text() == "MASSIVE_API_KEY=mine\n"


def test_the_checkouts_own_state_folder_wins_the_dotenv(tmp_path: Path) -> None:
    own, other = settings_with(tmp_path / ".tickstock"), settings_with(tmp_path / "elsewhere")
    assert write_dotenv(tmp_path, EMBEDDED, other)
    assert write_dotenv(tmp_path, EMBEDDED, own)
    assert not write_dotenv(tmp_path, EMBEDDED, other)
    assert dotenv_values(tmp_path / ".env")["TICKSTOCK_STATE_DIR"] == str(tmp_path / ".tickstock")
