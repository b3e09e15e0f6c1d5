"""What the code location holds, and that loading it needs nothing but the package."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.quality.table_checks import column_differences
from tickstock_dagster.adapters.services.local import ServiceAddresses, write_dotenv
from tickstock_dagster.core.calendars.markets import ABROAD, market_named
from tickstock_dagster.settings import PROJECT_ROOT, load_settings
from tickstock_dagster_tests.defs.factory import all_definitions

LOAD_WITHOUT_SOCKETS = """
import json, socket, sys
def refuse(*arguments, **options):
    raise AssertionError(f"a connection while loading: {arguments}")
for name in ("connect", "connect_ex", "bind", "sendto"):
    setattr(socket.socket, name, refuse)
socket.create_connection = socket.getaddrinfo = refuse
from tickstock_dagster.definitions import definitions
repository = definitions().get_repository_def()
repository.load_all_definitions()
print(json.dumps({
    "assets": sorted(key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()),
    "on": sorted(d.name for d in (*repository.schedule_defs, *repository.sensor_defs)
                 if d.default_status.value == "RUNNING"),
    "heavy": sorted(set(sys.modules) & {"pandas", "matplotlib", "PIL", "alembic", "massive"}),
}))
"""


def bare_environment(**values: str) -> dict[str, str]:
    """Of the environment only what Python itself may need."""
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | values


def load_apart(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LOAD_WITHOUT_SOCKETS]
    return subprocess.run(command, env=bare_environment(**environment), capture_output=True, text=True, check=False)


def test_whoever_knows_dagster_imports_defs() -> None:
    from tickstock_dagster import definitions as module
    from tickstock_dagster.definitions import defs

    assert isinstance(defs, dg.Definitions)
    assert defs.resolve_job_def("us_eod").name == "us_eod"
    assert module.defs is defs
    assert not hasattr(module, "definition")


def test_a_command_executes_the_jobs_that_the_code_location_shows() -> None:
    from tickstock_dagster.definitions import executed_here

    shown, executed = all_definitions().get_repository_def(), executed_here().get_repository_def()
    assert {job.name for job in shown.get_all_jobs()} == {job.name for job in executed.get_all_jobs()}
    for name in ("us_eod", "us_symbols", "us_actions", "us_bar_checks"):
        ids = {repository.get_job(name).get_job_snapshot_id() for repository in (shown, executed)}
        assert len(ids) == 1, f"{name}: a run of the command has another job than the UI"


def of_markets(*patterns: str) -> list[str]:
    """What the factory of markets makes for each market abroad."""
    markets = [market_named(mic) for mic in ABROAD]
    return [
        pattern.format(prefix=market.mic.lower(), zone=market.timezone) for market in markets for pattern in patterns
    ]


def test_the_code_location_loads_without_an_environment_and_without_a_connection() -> None:
    loaded = load_apart()
    assert loaded.returncode == 0, loaded.stderr
    found = json.loads(loaded.stdout)
    of_abroad = of_markets("{prefix}/session_bars")
    assert set(of_abroad) <= set(found["assets"])
    found["assets"] = [name for name in found["assets"] if name not in of_abroad]
    assert found["assets"] == [
        "quality/report",
        "reference/etf_profiles",
        "reference/fund_facts",
        "reference/symbols",
        "universes/cache_entries",
        "universes/correlations",
        "universes/delisted_cleanup",
        "universes/etf_universe",
        "universes/etf_universe_maintenance",
        "universes/ipo_universe_assignment",
        "universes/market_cap_recalculation",
        "universes/membership",
        "universes/theme_rebalancing",
        "us/corporate_actions",
        "us/fair_values",
        "us/ohlcv_daily",
        "us/session_bars",
    ]
    assert found["on"] == ["checks_of_cancelled_runs_sensor", "checks_of_failed_runs_sensor"]
    assert found["heavy"] == []


def test_schedules_and_sensors_start_switched_on_where_the_environment_says_so() -> None:
    loaded = load_apart(TICKSTOCK_AUTOMATION="running")
    assert loaded.returncode == 0, loaded.stderr
    switched_on = [
        "admin_mail_sensor",
        "calendar_quorum_schedule",
        "checks_of_cancelled_runs_sensor",
        "checks_of_failed_runs_sensor",
        "day_notice_sensor",
        "light_maintenance_schedule",
        "maintenance_schedule",
        "maintenance_universes_sensor",
        "outbox_sensor",
        "processing_performance_sensor",
        "processing_queue_sensor",
        "universe_grid_sensor",
        "universe_sync_sensor",
        "us_bar_checks_schedule",
        "us_catch_up_sensor",
        "us_dataset_catch_up_sensor",
        "us_eod_schedule",
        "us_eod_sensor",
        "us_fair_values_sensor",
        "us_fund_facts_schedule",
        "us_quality_sensor",
        "us_reconcile_schedule",
        "us_symbols_sensor",
    ]
    roads = of_markets(
        "{prefix}_bar_checks_schedule",
        "{prefix}_catch_up_sensor",
        "{prefix}_eod_schedule",
        "{prefix}_eod_sensor",
        "{prefix}_reconcile_schedule",
    )
    assert json.loads(loaded.stdout)["on"] == sorted(switched_on + roads)


def test_a_grid_that_begins_on_a_holiday_stops_the_load_by_name() -> None:
    loaded = load_apart(TICKSTOCK_SYMBOL_GRID_START="2025-01-01")
    assert loaded.returncode != 0
    assert "TICKSTOCK_SYMBOL_GRID_START 2025-01-01 is not a session of XNYS" in loaded.stderr


def test_the_inventory() -> None:
    repository = all_definitions().get_repository_def()
    listing = [f"asset {key.to_user_string()}" for key in repository.asset_graph.get_all_asset_keys()]
    listing += [
        f"check {key.asset_key.to_user_string()}:{key.name}"
        + (" blocking" if repository.asset_graph.get_check_spec(key).blocking else "")
        for key in repository.asset_graph.asset_check_keys
    ]
    listing += [f"job {name}" for name in repository.job_names if not name.startswith("__")]
    listing += [f"schedule {s.name}: {s.cron_schedule} {s.execution_timezone}" for s in repository.schedule_defs]
    listing += [f"sensor {s.name}: {s.minimum_interval_seconds} s" for s in repository.sensor_defs]
    of_abroad = of_markets(
        "asset {prefix}/session_bars",
        "check quality/report:alerts",
        "check quality/report:structure blocking",
        "check {prefix}/session_bars:latest_session_present",
        "check {prefix}/session_bars:no_long_gaps",
        "check {prefix}/session_bars:session_complete",
        "job {prefix}_bar_checks",
        "job {prefix}_eod",
        "job {prefix}_reconcile",
        "schedule {prefix}_bar_checks_schedule: */15 * * * * {zone}",
        "schedule {prefix}_eod_schedule: */15 * * * * {zone}",
        "schedule {prefix}_reconcile_schedule: */15 * * * * {zone}",
        "sensor {prefix}_catch_up_sensor: 60 s",
        "sensor {prefix}_eod_sensor: 60 s",
    )
    assert set(of_abroad) <= set(listing)
    listing = [name for name in listing if name not in of_abroad]
    assert sorted(listing) == [
        "asset quality/report",
        "asset reference/etf_profiles",
        "asset reference/fund_facts",
        "asset reference/symbols",
        "asset universes/cache_entries",
        "asset universes/correlations",
        "asset universes/delisted_cleanup",
        "asset universes/etf_universe",
        "asset universes/etf_universe_maintenance",
        "asset universes/ipo_universe_assignment",
        "asset universes/market_cap_recalculation",
        "asset universes/membership",
        "asset universes/theme_rebalancing",
        "asset us/corporate_actions",
        "asset us/fair_values",
        "asset us/ohlcv_daily",
        "asset us/session_bars",
        "check universes/correlations:has_values",
        "check universes/theme_rebalancing:compares_themes",
        "check us/session_bars:calendar_agreement",
        "check us/session_bars:etf_tracking",
        "check us/session_bars:latest_session_present",
        "check us/session_bars:no_long_gaps",
        "check us/session_bars:ohlc_invariants blocking",
        "check us/session_bars:price_moves",
        "check us/session_bars:processing_targets",
        "check us/session_bars:session_complete",
        "check us/session_bars:table_schema blocking",
        "check us/session_bars:unique_keys blocking",
        "check us/session_bars:volume_levels",
        "job calendar_quorum",
        "job edit_equity_type",
        "job edit_queue",
        "job edit_universe",
        "job light_maintenance",
        "job maintenance",
        "job process_queue",
        "job quality_findings",
        "job reference_refresh",
        "job universe_correlations",
        "job universe_membership",
        "job universe_sync",
        "job universe_themes",
        "job us_actions",
        "job us_bar_checks",
        "job us_eod",
        "job us_fair_values",
        "job us_fund_facts",
        "job us_quality",
        "job us_reconcile",
        "job us_symbols",
        "schedule calendar_quorum_schedule: 0 21 * * * America/New_York",
        "schedule light_maintenance_schedule: */15 * * * * America/New_York",
        "schedule maintenance_schedule: */15 * * * * America/New_York",
        "schedule us_bar_checks_schedule: */15 * * * * America/New_York",
        "schedule us_eod_schedule: */15 * * * * America/New_York",
        "schedule us_fund_facts_schedule: 30 8 * * * America/New_York",
        "schedule us_reconcile_schedule: */15 * * * * America/New_York",
        "sensor admin_mail_sensor: 60 s",
        "sensor checks_of_cancelled_runs_sensor: 15 s",
        "sensor checks_of_failed_runs_sensor: 15 s",
        "sensor day_notice_sensor: 60 s",
        "sensor maintenance_universes_sensor: 60 s",
        "sensor outbox_sensor: 30 s",
        "sensor processing_performance_sensor: 60 s",
        "sensor processing_queue_sensor: 60 s",
        "sensor universe_grid_sensor: 30 s",
        "sensor universe_sync_sensor: 60 s",
        "sensor us_catch_up_sensor: 60 s",
        "sensor us_dataset_catch_up_sensor: 60 s",
        "sensor us_eod_sensor: 60 s",
        "sensor us_fair_values_sensor: 30 s",
        "sensor us_quality_sensor: 30 s",
        "sensor us_symbols_sensor: 30 s",
    ]


def test_jobs_hold_what_their_names_say() -> None:
    held = {
        name: sorted(
            key.to_user_string() for key in all_definitions().resolve_job_def(name).asset_layer.selected_asset_keys
        )
        for name in (
            "us_eod",
            "us_symbols",
            "us_actions",
            "us_fair_values",
            "us_bar_checks",
            "universe_themes",
            "universe_membership",
        )
    }
    assert held == {
        "us_eod": ["us/corporate_actions", "us/session_bars"],
        "us_symbols": ["us/ohlcv_daily"],
        "us_actions": ["us/corporate_actions"],
        "us_fair_values": ["us/fair_values"],
        "us_bar_checks": [],
        "universe_themes": ["universes/etf_universe"],
        "universe_membership": ["universes/membership"],
    }
    checks = all_definitions().resolve_job_def("us_eod").asset_layer.asset_graph.asset_check_keys
    assert len(checks) == 11


@pytest.mark.parametrize("asset", ["corporate_actions", "ohlcv_daily", "session_bars"])
def test_every_asset_says_what_it_is_whose_it_is_and_what_it_is_made_with(
    asset: str, migrated_database_url: str
) -> None:
    spec = next(spec for spec in all_definitions().resolve_all_asset_specs() if spec.key == dg.AssetKey(["us", asset]))
    assert spec.group_name == "bars"
    assert list(spec.owners) == ["team:market-data"]
    assert {"python", "postgres"} <= spec.kinds
    assert len(spec.description or "") > 60
    assert {"domain", "cadence"} <= spec.tags.keys()
    assert spec.code_version
    table = spec.metadata["dagster/table_name"].removeprefix("public.")
    assert table == ("ohlcv_daily" if asset == "session_bars" else asset)
    schema = spec.metadata["dagster/column_schema"]
    assert all(column.description for column in schema.columns)
    columns = {column.name: column.type for column in schema.columns}
    assert column_differences(open_engine(migrated_database_url), table, columns).sample == ()


def test_every_asset_that_asks_the_vendor_waits_for_its_turn() -> None:
    pools = {
        key.to_user_string(): definition.op.pool
        for definition in all_definitions().resolve_asset_graph().assets_defs
        for key in definition.keys
    }
    asking = {key for key, pool in pools.items() if pool == "vendor"}
    assert set(pools.values()) == {"vendor", None}
    assert asking == {
        "reference/etf_profiles",
        "reference/fund_facts",
        "reference/symbols",
        "us/corporate_actions",
        "us/fair_values",
        "us/ohlcv_daily",
        "us/session_bars",
    }


def test_secrets_are_marked_as_such() -> None:
    resources = all_definitions().resources or {}
    secret = {
        f"{name}.{field}"
        for name, resource in resources.items()
        for field, info in type(resource).model_fields.items()
        if (info.json_schema_extra or {}).get("dagster__is_secret")
    }
    assert secret == {
        "notifications.database_url",
        "notifications.redis_url",
        "vendor.database_url",
        "warehouse.database_url",
    }


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that `dagster` reads, in a folder without .env."""
    for name in ("workspace.yaml", "dagster.yaml"):
        shutil.copy(PROJECT_ROOT / name, tmp_path)
    return tmp_path


def validate(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`dagster definitions validate -w workspace.yaml`, with nothing in the environment but what is given."""
    dagster = Path(sys.executable).with_name("dagster")
    return subprocess.run(
        [dagster, "definitions", "validate", "-w", "workspace.yaml"],
        cwd=folder,
        env=bare_environment(**environment),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_plain_dagster_command_works_with_the_services_dotenv(checkout: Path, services: ServiceAddresses) -> None:
    assert write_dotenv(checkout, services, load_settings())
    done = validate(checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Validation successful" in done.stdout + done.stderr


def test_a_plain_dagster_command_without_it_stops_at_the_missing_variable(checkout: Path) -> None:
    done = validate(checkout)
    assert done.returncode != 0
    assert 'the environment variable "TICKSTOCK_DAGSTER_STORAGE_URL" which is not set' in done.stdout + done.stderr
