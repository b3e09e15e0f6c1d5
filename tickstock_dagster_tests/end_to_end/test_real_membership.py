"""The S&P 500's members since 1996: 1,230 real intervals imported, counted on ten dates, explained, and imported again.

The vendor's lists are served by the simulator from the same tickers: each interval is a listing of its own.
"""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.securities.delisted_sync import take_in_delisted
from tickstock_dagster.adapters.securities.listing_sync import ListingSync
from tickstock_dagster.adapters.universes.file_import import import_universe, resolve_lines
from tickstock_dagster.adapters.universes.membership_store import explain, members_on
from tickstock_dagster.core.universes.files import MemberLine, parse_members
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.load_helpers import quick_source
from tickstock_dagster_tests.adapters.store_helpers import query

pytestmark = pytest.mark.real_data

FOLDER = os.environ.get("TICKSTOCK_REAL_DATA", "")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = date(2026, 11, 20)
DATES = (
    date(1996, 6, 3), date(1999, 12, 31), date(2001, 9, 17), date(2004, 2, 27), date(2008, 9, 15), date(2011, 1, 3),
    date(2015, 3, 23), date(2018, 12, 24), date(2020, 4, 6), date(2024, 9, 23),
)  # fmt: skip
COUNTS = (487, 492, 495, 494, 498, 497, 500, 505, 505, 503)
"""Members on those dates: lines with start ≤ date < end."""


@pytest.fixture(scope="module")
def lines() -> tuple[MemberLine, ...]:
    path = Path(FOLDER) / "sp500_membership" / "sp500_ticker_start_end.csv"
    if not FOLDER or not path.is_file():
        pytest.skip(f"TICKSTOCK_REAL_DATA={FOLDER!r} is not a folder with {path.parent.name}/{path.name}")
    return parse_members(path.read_text(encoding="utf-8"))


@pytest.fixture
def engine(lines: tuple[MemberLine, ...], tmp_path: Path, migrated_database_url: str) -> Iterator[sa.Engine]:
    symbols = tmp_path / "symbols.csv"
    pl.DataFrame(
        {
            "ticker": [line.ticker for line in lines],
            "equity_type": ["CS"] * len(lines),
            "list_date": [line.valid_from for line in lines],
            "delisted_on": [line.valid_to for line in lines],
        }
    ).write_csv(symbols)
    engine = open_engine(migrated_database_url)
    with RunningSimulator(now=NOW, symbol_file=symbols) as simulator:
        source = quick_source(simulator)
        context = LoadContext(source, engine, "XNYS", "tests", lambda: NOW)
        ListingSync(context).observe(TODAY)
        take_in_delisted(context, TODAY)
        yield engine


def test_every_line_finds_its_security_and_the_members_are_right_on_every_date(
    engine: sa.Engine, lines: tuple[MemberLine, ...]
) -> None:
    resolved = resolve_lines(engine, lines)
    assert (len(resolved.known), len(resolved.unknown)) == (1230, 0)
    given = {"title": "S&P 500", "reason": "imported", "run_id": "tests"}
    done = import_universe(engine, "sp500", resolved, now=NOW, **given)
    assert (done.begun, done.members) == (1230, 503)
    for day, count in zip(DATES, COUNTS, strict=True):
        expected = {
            line.ticker
            for line in lines
            if line.valid_from and line.valid_from <= day and (line.valid_to is None or day < line.valid_to)
        }
        assert len(expected) == count
        assert set(members_on(engine, "sp500", day)["ticker"]) == expected
        someone, nobody = min(expected), min({line.ticker for line in lines} - expected)
        assert explain(engine, someone, "sp500", day).member
        assert not explain(engine, nobody, "sp500", day).member
    assert explain(engine, "AAL", "sp500", date(1996, 6, 3)).until == date(1997, 1, 15)
    assert explain(engine, "AAL", "sp500", date(2016, 6, 3)).since == date(2015, 3, 23)
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    versions = "SELECT membership_id, xmin::text FROM universe_memberships ORDER BY 1"
    before = query(url, versions)
    again = import_universe(engine, "sp500", resolved, now=NOW, **given)
    assert (again.begun, again.retired, again.published) == (0, 0, None)
    assert query(url, versions) == before
