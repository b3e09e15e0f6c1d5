"""The exchanges' real symbol directories, served by the simulator and taken in by the ordinary path."""

import csv
import os
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tickstock_dagster.adapters.securities.etf_profile_loader import load_etf_profiles
from tickstock_dagster.adapters.securities.symbol_master import SymbolMaster
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.load_helpers import World

pytestmark = [pytest.mark.real_data, pytest.mark.timeout(600)]

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
THU, FRI = date(2026, 11, 19), date(2026, 11, 20)
FILES = (("nasdaq-listed-symbols", "Symbol", "Market Category"), ("other-listed", "ACT Symbol", "Exchange"))


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    folder = Path(os.environ.get("TICKSTOCK_REAL_DATA", "")) / "symbol_master"
    if not folder.is_dir():
        pytest.skip("TICKSTOCK_REAL_DATA names no folder with symbol_master")
    path = tmp_path_factory.mktemp("symbols") / "both.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["ticker", "name", "exchange", "etf", "test issue"])
        for file, ticker, venue in FILES:
            with (folder / f"{file}.csv").open(encoding="utf-8", newline="") as lines:
                for row in csv.DictReader(lines):
                    if row[ticker] and not row[ticker].startswith("File"):
                        writer.writerow([row[name] for name in (ticker, "Security Name", venue, "ETF", "Test Issue")])
    with RunningSimulator(symbol_file=path, now=NOW, plan="advanced", rate=(100_000, 1)) as simulator:
        simulator.vendor.wait_for_tape()
        yield simulator


def test_thirteen_thousand_symbols_with_their_classes_within_a_minute(
    vendor: RunningSimulator, migrated_database_url: str
) -> None:
    world = World(vendor, migrated_database_url, now=NOW)
    master = SymbolMaster(world.context())
    took = {}
    for name, day in (("first list", THU), ("next list", FRI)):
        started = time.perf_counter()
        report = master.sync(day, details_limit=0)
        took[name] = time.perf_counter() - started
    started = time.perf_counter()
    etfs = load_etf_profiles(world.context(), FRI)
    took["ETF facts"] = time.perf_counter() - started
    plan = master.details_plan(FRI, details_limit=1_000)
    vendor.reset_stats()
    started = time.perf_counter()
    detailed = master.sync(FRI, details_limit=1_000)
    took["1,000 details"] = time.perf_counter() - started
    started = time.perf_counter()
    [(listed,)] = world.query("SELECT count(*) FROM symbols_on(%s)", (FRI,))
    took["symbols_on"] = time.perf_counter() - started
    print("\n" + "\n".join(f"{name}: {seconds:.2f} s" for name, seconds in took.items()))
    print(report.by_class, f"{report.calls} calls for a list", sep="\n")
    print({count.etf_type: count.etfs for count in etfs.counts}, f"{plan.due} details due", sep="\n")

    assert took["first list"] < 60
    assert took["next list"] < 60
    assert report.listed == listed > 13_000
    assert report.calls <= 15
    assert (report.changes.begun, report.changes.changed, report.changes.gone) == (0, 0, 0)
    assert report.by_class["warrant"] > 400
    assert report.by_class["test_issue"] >= 8
    assert sum(report.by_class.values()) == listed
    assert sum(count.etfs for count in etfs.counts) > 5_000
    assert "not classified" not in {count.etf_type for count in etfs.counts}
    assert detailed.details_done + detailed.details_unknown == plan.calls == vendor.stats()["total"] == 1_000
    assert detailed.details_left == plan.due - 1_000
