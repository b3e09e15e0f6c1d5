"""A whole market's session, 11,000 symbols: one grouped call, and two events of Dagster's however many symbols."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, product
from pathlib import Path
from string import ascii_uppercase

import dagster as dg
import polars as pl
import pytest

from tickstock_dagster.adapters.loading.completeness import completeness_by_group
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.defs.tags import RANGE_END, RANGE_START
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.dagster_instances import ephemeral_instance
from tickstock_dagster_tests.defs.factory import FRI, THU, Factory, all_definitions
from tickstock_dagster_tests.vendor_helpers import closed_limiters, quick_retries

SYMBOLS = ("SPY", *("".join(letters) for letters in islice(product(ascii_uppercase, repeat=4), 10_999)))
EVENING = datetime(2026, 11, 20, 22, tzinfo=UTC)
"""An hour after Friday's close."""


@pytest.fixture
def factory(
    migrated_database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Factory]:
    """All symbols are tracked, and Thursday is stored."""
    quick_retries(monkeypatch)
    prices = {"open": 10.0, "high": 11.0, "low": 9.0, "close": 10.5, "volume": 100_000}
    days = [pl.DataFrame({"ticker": SYMBOLS, "session": [day] * len(SYMBOLS)}) for day in (THU, FRI)]
    path = tmp_path / "bars.parquet"
    pl.concat(days).with_columns(**{name: pl.lit(value) for name, value in prices.items()}).write_parquet(path)
    with (
        RunningSimulator(plan="advanced", bars=path, now=EVENING, rate=(100_000, 1)) as vendor,
        closed_limiters(monkeypatch),
        ephemeral_instance() as instance,
    ):
        made = Factory(migrated_database_url, redis_url, vendor, instance, monkeypatch)
        made.track(*SYMBOLS)
        assert made.run("us_eod", THU, now=EVENING).success
        vendor.reset_stats()
        yield made


@pytest.mark.slow
def test_from_the_sensors_tick_to_the_days_end_by_one_grouped_call(factory: Factory) -> None:
    context = dg.build_sensor_context(instance=factory.instance, resources=factory.resources(EVENING))
    request = all_definitions().resolve_sensor_def("us_eod_sensor")(context)
    assert isinstance(request, dg.RunRequest)
    asked = factory.vendor.stats()["total"]
    result = factory.run("us_eod", request.partition_key, now=EVENING, tags=request.tags)
    assert result.success

    [complete] = factory.events("tickstock.eod.complete")
    assert (complete["expected"], complete["stored"], complete["missing"]) == (11_000, 11_000, 0)
    assert [event["state"] for event in factory.events("tickstock.eod.status")] == ["started", "progress"]
    calls = [call["path"] for call in factory.vendor.stats(calls=True)["calls"]][asked:]
    assert [path for path in calls if "/grouped/" in path] == [f"/v2/aggs/grouped/locale/us/market/stocks/{FRI}"]
    assert not [path for path in calls if "/range/" in path], "no symbol is asked for by itself"
    kinds = Counter(
        entry.dagster_event.event_type_value
        for entry in factory.instance.all_logs(result.run_id)
        if entry.dagster_event and entry.dagster_event.asset_key == dg.AssetKey(["us", "session_bars"])
    )
    assert (kinds["ASSET_MATERIALIZATION"], kinds["ASSET_OBSERVATION"]) == (1, 0)
    assert kinds["ASSET_MATERIALIZATION_PLANNED"] <= 1
    assert not {RANGE_START, RANGE_END} & request.tags.keys()


@pytest.mark.slow
def test_the_groups_of_a_whole_market_are_counted_in_a_moment(factory: Factory) -> None:
    for number in range(20):
        factory.track(*SYMBOLS[number::2], universe=f"half_{number}")
    expected = Expectation.of_universes(factory.engine, None, THU, THU).cells([THU])
    groups = completeness_by_group(factory.engine, [THU], expected)
    assert len(groups) == 22
    assert {group.ratio for group in groups} == {1.0}
    assert sum(group.members for group in groups) > 120_000
