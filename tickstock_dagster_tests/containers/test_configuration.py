"""What containers need of the package's configuration: a named simulator, and a home that is no checkout."""

import tomllib
from pathlib import Path

import pytest

import tickstock_dagster
from tickstock_dagster.adapters.services import environment
from tickstock_dagster.adapters.services.local import (
    ServiceAddresses,
    notification_addresses,
    process_environment,
    resolve_addresses,
)
from tickstock_dagster.adapters.sources.factory import MASSIVE_URL, open_source
from tickstock_dagster.settings import PROJECT_ROOT, load_settings

SIMULATOR = "http://simulator:8000"


def test_a_named_simulator_is_the_vendor_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKSTOCK_SIMULATOR_URL", SIMULATOR)
    monkeypatch.setenv("MASSIVE_API_KEY", "")
    settings = load_settings()
    assert settings.massive_base_url == SIMULATOR
    assert open_source(settings).name == "simulator"


def test_the_vendors_key_is_never_sent_to_the_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKSTOCK_SIMULATOR_URL", SIMULATOR)
    monkeypatch.setenv("MASSIVE_API_KEY", "a-real-key")
    settings = load_settings()
    assert (settings.massive_base_url, open_source(settings).name) == (None, "massive")
    assert MASSIVE_URL.startswith("https://")
    monkeypatch.setenv("MASSIVE_BASE_URL", "https://proxy.example")
    load_settings.cache_clear()
    assert load_settings().massive_base_url == "https://proxy.example"


def test_nothing_embedded_is_started_where_everything_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TICKSTOCK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("TICKSTOCK_SIMULATOR_URL", SIMULATOR)
    for name in ("TICKSTOCK_DATABASE_URL", "TICKSTOCK_DAGSTER_STORAGE_URL"):
        monkeypatch.setenv(name, "postgresql://a:b@timescaledb:5432/c")
    monkeypatch.setenv("TICKSTOCK_REDIS_URL", "redis://redis:6379/0")
    assert resolve_addresses(load_settings()).embedded == frozenset()
    assert not (tmp_path / "state").exists()


def test_sending_notifications_starts_nothing_where_the_store_and_redis_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TICKSTOCK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("TICKSTOCK_DATABASE_URL", "postgresql://a:b@timescaledb:5432/c")
    monkeypatch.setenv("TICKSTOCK_REDIS_URL", "redis://redis:6379/0")
    assert notification_addresses(load_settings()) == (
        "postgresql://a:b@timescaledb:5432/c",
        "redis://redis:6379/0",
    )
    assert not (tmp_path / "state").exists()


def test_an_installed_package_keeps_dagsters_home_and_a_checkout_is_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "/somewhere/else")
    addresses = ServiceAddresses("postgresql://h/a", "postgresql://h/b", "redis://h/0")
    assert process_environment(addresses, load_settings())["DAGSTER_HOME"] == str(PROJECT_ROOT)
    monkeypatch.setattr(environment, "PROJECT_ROOT", tmp_path)
    assert process_environment(addresses, load_settings())["DAGSTER_HOME"] == "/somewhere/else"


def test_an_installed_package_brings_dagsters_project_along() -> None:
    shipped = tomllib.loads((Path(tickstock_dagster.__file__).parent / "dg.toml").read_text(encoding="utf-8"))
    checkout = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["dg"]
    assert shipped == checkout
