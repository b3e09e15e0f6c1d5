"""The clock, the store and the source as assets are given them."""

from datetime import UTC, datetime, timedelta

import pytest

from tickstock_dagster.adapters.postgres.migration_files import SchemaError
from tickstock_dagster.core.errors import BadInputError, ConfigurationError, ServiceUnavailableError
from tickstock_dagster.defs.resources import Clock, VendorResource, WarehouseResource
from tickstock_dagster.settings import load_settings

NOBODY = "postgresql://somebody:hidden-word@127.0.0.1:1/nothing"


def test_a_fixed_clock_stands_and_a_free_one_goes() -> None:
    assert Clock(fixed="2026-11-20T16:30:00-05:00").now() == datetime(2026, 11, 20, 21, 30, tzinfo=UTC)
    assert abs(Clock().now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_the_setting_holds_a_free_clock_still_and_a_fixed_one_keeps_its_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKSTOCK_NOW", "2035-01-03T12:00:00+00:00")
    load_settings.cache_clear()
    assert Clock().now() == datetime(2035, 1, 3, 12, tzinfo=UTC)
    assert Clock(fixed="2026-11-20T16:30:00-05:00").now() == datetime(2026, 11, 20, 21, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-11-20T16:30:00", "2026-11-20", "noon"])
def test_a_clock_is_not_set_to_a_moment_that_depends_on_the_machine(text: str) -> None:
    with pytest.raises(BadInputError, match=r"clock\.fixed .* a moment with its offset"):
        Clock(fixed=text).now()


def test_a_store_that_is_down_is_named_without_its_password() -> None:
    with pytest.raises(ServiceUnavailableError, match=r"127\.0\.0\.1:1/nothing cannot be reached") as caught:
        WarehouseResource(database_url=NOBODY).engine()
    assert "hidden-word" not in str(caught.value)


def test_a_store_of_a_newer_release_is_refused(migrated_database_url: str) -> None:
    import psycopg

    with psycopg.connect(migrated_database_url) as connection:
        connection.execute("UPDATE schema_version SET version_num = '9999'")
    with pytest.raises(SchemaError, match="9999 is newer than this release knows"):
        WarehouseResource(database_url=migrated_database_url).engine()


def test_the_source_follows_the_environment_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="the simulator is not running"):
        VendorResource(database_url=NOBODY).open()
    monkeypatch.setenv("MASSIVE_API_KEY", "some-key")
    monkeypatch.setenv("MASSIVE_PLAN", "free")
    load_settings.cache_clear()
    vendor = VendorResource(database_url=NOBODY)
    assert vendor.open().name == "massive"
    assert not vendor.same_day()
    with pytest.raises(BadInputError, match="source 'polygon' is not accepted: massive, simulator or files:PATH"):
        VendorResource(source="polygon", database_url=NOBODY).open()
