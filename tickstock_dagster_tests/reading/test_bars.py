"""The reader of bars: by ticker, session and universe, raw and adjusted, over one connection."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import polars as pl
import pytest

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.postgres.database import APP_ROLE, open_engine
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.reading import ADJUSTED_SCHEMA, BAR_SCHEMA, HOURS_SCHEMA, BarReader
from tickstock_dagster_tests.adapters.actions.test_adjusted_prices import dividend, split
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, THU, TUE, WED, add_security, bar, batch, query

PRICE = 123_456_789.123456
"""As many digits as a float keeps."""

DAYS = (MON, TUE, WED, THU, FRI)


@pytest.fixture
def reader(migrated_database_url: str) -> Iterator[BarReader]:
    """A store with AAA (renamed from OLD on Wednesday, split 2:1 on Friday, a dividend on Thursday) and BBB."""
    url = migrated_database_url
    aaa, bbb = add_security(url, "AAA", since=WED), add_security(url, "BBB")
    query(
        url,
        "INSERT INTO ticker_intervals VALUES (%s, 'OLD', '2020-01-02', %s, 'unknown', '2020-01-02', %s)",
        (aaa, WED, TUE),
    )
    rows = [bar(aaa, day, "OLD" if day < WED else "AAA", volume=1_001) for day in (MON, TUE, WED, THU)]
    rows += [bar(aaa, FRI, open=5.0, high=6.0, low=4.5, close=5.5), bar(bbb, FRI, "BBB", high=PRICE, close=PRICE)]
    store_batch(open_engine(url), batch(*rows))
    estimate = """
        INSERT INTO ohlcv_daily
            (security_id, session, ticker, closes_at, volume, fmv, is_fmv, source, status, loaded_at)
        VALUES (%s, %s, 'BBB', now(), 0, 9.5, true, 'estimate', 'final', now())
    """
    query(url, estimate, (bbb, THU))
    with BarReader(url) as one:
        yield one


def test_a_ticker_gives_the_securitys_whole_history_as_printed(reader: BarReader) -> None:
    frame = reader.bars("AAA")
    assert frame.schema == BAR_SCHEMA
    assert frame.select("ticker", "session").rows() == [
        ("OLD", MON), ("OLD", TUE), ("AAA", WED), ("AAA", THU), ("AAA", FRI),
    ]  # fmt: skip
    assert frame.row(-1)[3:] == (5.0, 6.0, 4.5, 5.5, 1_000)
    assert reader.bars("AAA", TUE, WED)["session"].to_list() == [TUE, WED]
    assert reader.bars("OLD").equals(frame), "whoever held it last"


def test_prices_keep_every_decimal_and_estimates_are_no_bars(reader: BarReader) -> None:
    frame = reader.bars(["BBB"])
    assert frame.rows()[0][1:3] == ("BBB", FRI)
    assert frame.height == 1
    assert (frame["close"].item(), f"{frame['close'].item():.6f}") == (PRICE, "123456789.123456")


def test_a_session_has_everybody_and_a_day_without_bars_nobody(reader: BarReader) -> None:
    assert reader.session(FRI)["ticker"].to_list() == ["AAA", "BBB"]
    assert reader.session(FRI).equals(reader.bars(None, FRI, FRI))
    assert reader.session(date(2026, 11, 21)).equals(pl.DataFrame(schema=BAR_SCHEMA))
    assert reader.session(date(2026, 11, 21), adjusted=True).schema == ADJUSTED_SCHEMA


def test_adjusted_bars_are_in_todays_shares(reader: BarReader, migrated_database_url: str) -> None:
    aaa = reader.bars("AAA")["security_id"][0]
    split(migrated_database_url, aaa, FRI, 1, 2)
    frame = reader.bars("AAA", adjusted=True)
    assert frame.schema == ADJUSTED_SCHEMA
    assert frame["close"].to_list() == [5.5] * 5
    assert frame["volume"].to_list() == [2_002.0] * 4 + [1_000.0]


@pytest.mark.parametrize("at_once", [1, 10**9], ids=["one after the other", "all together"])
def test_adjusted_bars_are_those_of_the_view(
    reader: BarReader, migrated_database_url: str, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Splits and dividends, splits alone, dividends alone, an action to come, and none at all."""
    monkeypatch.setattr("tickstock_dagster.reading.bars._AT_ONCE", at_once)
    url, (aaa,) = migrated_database_url, reader.bars("AAA")["security_id"].unique()
    ccc, ddd, eee = (add_security(url, ticker) for ticker in ("CCC", "DDD", "EEE"))
    rows = [bar(one, day, name, volume=7) for one, name in ((ccc, "CCC"), (ddd, "DDD"), (eee, "EEE")) for day in DAYS]
    store_batch(open_engine(url), batch(*rows))
    split(url, aaa, WED, 3, 7)
    split(url, aaa, FRI, 1, 2)
    dividend(url, aaa, THU, 0.3)
    split(url, ccc, TUE, 10, 1)
    for day in (TUE, THU):
        dividend(url, ddd, day, 0.17)
    split(url, eee, date(2027, 1, 4), 1, 3)
    found = reader.bars(adjusted=True)
    viewed = query(
        url,
        "SELECT security_id, ticker, session, open::float8, high::float8, low::float8, close::float8, volume::float8, "
        "total_return_close::float8 FROM ohlcv_daily_adjusted ORDER BY security_id, session",
    )
    assert found.rows() == [(*row[:3], *(pytest.approx(value, rel=1e-15) for value in row[3:])) for row in viewed]
    assert len({row[-1] for row in viewed}) == 8
    untouched = found.filter(pl.col("security_id") == eee)
    assert untouched.drop("total_return_close").equals(reader.bars("EEE").cast({"volume": pl.Float64}))


def test_a_universe_has_its_members_on_the_sessions_on_which_they_were_members(
    reader: BarReader, migrated_database_url: str
) -> None:
    url = migrated_database_url
    query(
        url,
        "INSERT INTO cache_entries (key, type, name, membership, value, created_at, updated_at) VALUES"
        " ('both', 'list', 'Both', 'static', '[\"AAA\", \"BBB\", \"NEW\"]', now(), now()),"
        " ('dated', 'theme', 'Dated', 'dated', '[]', now(), now())",
    )
    query(
        url,
        "INSERT INTO universe_memberships (universe, security_id, valid_from, valid_to, known_from)"
        " SELECT 'dated', security_id, %s, %s, now() FROM ticker_intervals WHERE ticker = 'AAA'",
        (TUE, THU),
    )
    assert reader.universe("both").equals(reader.bars())
    assert reader.universe("dated")["session"].to_list() == [TUE, WED]
    assert reader.universe("dated", WED)["session"].to_list() == [WED]
    assert reader.universe("dated", FRI).is_empty()


def test_hours_are_in_utc(reader: BarReader, migrated_database_url: str) -> None:
    opens, closes = datetime(2026, 11, 20, 14, 30, tzinfo=UTC), datetime(2026, 11, 20, 21, tzinfo=UTC)
    query(
        migrated_database_url,
        "INSERT INTO market_calendar (calendar, session, opens_at, closes_at, is_early_close)"
        " VALUES ('XNYS', %s, %s, %s, false)",
        (FRI, opens, closes),
    )
    frame = reader.hours(MON, FRI)
    assert frame.schema == HOURS_SCHEMA
    assert frame.rows() == [(FRI, opens, closes)]


def test_what_nobody_knows_is_refused_by_name(reader: BarReader) -> None:
    with pytest.raises(BadInputError, match="ticker 'NOPE'"):
        reader.bars(["AAA", "NOPE"])
    with pytest.raises(BadInputError, match=r"ticker 'AAA.x00'"):
        reader.bars("AAA\0")
    with pytest.raises(BadInputError, match="universe 'nope'"):
        reader.universe("nope")
    with pytest.raises(BadInputError, match="calendar 'XTSE'"):
        reader.hours(MON, FRI, calendar="XTSE")


def test_all_questions_go_over_one_connection(reader: BarReader, migrated_database_url: str) -> None:
    others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    seen = []
    for _ in range(3):
        reader.bars("AAA")
        reader.session(FRI)
        seen.append(sorted(query(migrated_database_url, others)))
    assert seen[0] == seen[1] == seen[2]


def test_the_consumers_rights_are_enough(reader: BarReader, migrated_database_url: str) -> None:
    reader._engine = open_engine(migrated_database_url, APP_ROLE)
    assert reader.bars("AAA").height == 5
    assert reader.bars(adjusted=True).height == 6
    assert reader.hours(MON, FRI).is_empty()
    with pytest.raises(BadInputError):
        reader.universe("nope")
