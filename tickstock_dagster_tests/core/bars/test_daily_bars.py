import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from random import Random

import polars as pl
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.bars.daily_bars import (
    BAR_SCHEMA,
    MAX_PRICE,
    MAX_VOLUME,
    MIN_PRICE,
    validate_bars,
)

FRIDAY = date(2026, 11, 20)
GOOD = {
    "ticker": "AAPL", "session": FRIDAY, "open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 1_000.0,
    "vwap": 10.5, "transactions": 42,
}  # fmt: skip


def bar(**changes: object) -> dict[str, object]:
    return {**GOOD, **changes}


def frame(rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=BAR_SCHEMA)


def kept(rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    """Good rows with whole volumes as validation leaves them."""
    return frame(rows).with_columns(volume_printed=pl.lit(None, pl.Float64))


def reasons(*rows: dict[str, object]) -> list[str]:
    return validate_bars(frame(rows)).rejected["reason"].to_list()


OUTSIDE = f"a price is not in [{MIN_PRICE:.6f}, {MAX_PRICE:.0f}]"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"vwap": None},
        {"transactions": None},
        {"transactions": 0},
        {"volume": 0.0},
        {"volume": MAX_VOLUME},
        {"open": 9.0, "high": 9.0, "low": 9.0, "close": 9.0},
        {"open": 12.0, "close": 9.0},
        {"open": MIN_PRICE, "high": MIN_PRICE, "low": MIN_PRICE, "close": MIN_PRICE},
        {"high": MAX_PRICE},
        {"vwap": 99.0},  # odd lots and late prints count for VWAP, and not for high and low
    ],
)
def test_a_good_row_is_kept_as_it_is(changes):
    validated = validate_bars(frame([bar(**changes)]))
    assert validated.good.equals(kept([bar(**changes)]))
    assert validated.rejected.is_empty()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"session": None}, "session is missing"),
        ({"open": None}, "a price is missing"),
        ({"high": math.nan}, "a price is missing"),
        ({"low": None}, "a price is missing"),
        ({"close": None, "open": None}, "a price is missing"),
        ({"low": 0.0}, OUTSIDE),
        ({"low": -1.0}, OUTSIDE),
        ({"low": MIN_PRICE / 2}, OUTSIDE),
        ({"high": MAX_PRICE * 1.01}, OUTSIDE),
        ({"high": math.inf}, OUTSIDE),
        ({"open": 12.01}, "open is outside [low, high]"),
        ({"open": 8.99}, "open is outside [low, high]"),
        ({"close": 12.01}, "close is outside [low, high]"),
        ({"close": 8.99}, "close is outside [low, high]"),
        ({"volume": None}, "volume is missing"),
        ({"volume": math.nan}, "volume is missing"),
        ({"volume": -1.0}, "volume is negative"),
        ({"volume": -0.4}, "volume is negative"),
        ({"volume": math.inf}, f"volume is above {MAX_VOLUME:.0f}"),
        ({"vwap": 0.0}, "vwap is no price"),
        ({"vwap": -1.0}, "vwap is no price"),
        ({"vwap": math.inf}, "vwap is no price"),
        ({"transactions": -1}, "transactions is negative"),
    ],
)
def test_a_row_that_breaks_one_rule_is_rejected_for_it(changes, reason):
    validated = validate_bars(frame([bar(**changes)]))
    assert validated.good.is_empty()
    assert validated.rejected["reason"].to_list() == [reason]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"high": 8.0},
            "high is below low; open is outside [low, high]; close is outside [low, high]",
        ),
        ({"high": None, "volume": None}, "a price is missing; volume is missing"),
        ({"session": None, "close": None, "transactions": -1},
         "session is missing; a price is missing; transactions is negative"),
        ({"open": None, "low": 12.5}, "a price is missing; high is below low; close is outside [low, high]"),
        ({"low": -1.0, "close": 13.0, "volume": -5.0, "vwap": -1.0},
         f"{OUTSIDE}; close is outside [low, high]; volume is negative; vwap is no price"),
    ],
)  # fmt: skip
def test_a_row_that_breaks_several_rules_names_them_all(changes, reason):
    assert reasons(bar(**changes)) == [reason]


def test_nan_is_a_missing_value():
    validated = validate_bars(frame([bar(vwap=math.nan), bar(session=date(2026, 11, 19), vwap=None, close=math.nan)]))
    assert validated.good.equals(kept([bar(vwap=None)]))
    assert validated.rejected.drop("reason").equals(frame([bar(session=date(2026, 11, 19), vwap=None, close=None)]))


def test_rejected_rows_are_as_they_were_received():
    broken = bar(high=8.0, volume=10.5)
    assert validate_bars(frame([broken])).rejected.drop("reason").equals(frame([broken]))


def test_an_identical_repeat_counts_once():
    validated = validate_bars(frame([bar(), bar(), bar(ticker="MSFT"), bar()]))
    assert validated.good["ticker"].to_list() == ["AAPL", "MSFT"]
    assert validated.rejected.is_empty()


def test_an_identical_repeat_of_a_broken_row_is_rejected_once():
    assert reasons(bar(volume=-1.0), bar(volume=-1.0)) == ["volume is negative"]


def test_a_repeat_from_another_call_is_a_repeat():
    rows = frame([bar(), bar()]).with_columns(unit_id=pl.Series(["range", "grouped"]))
    validated = validate_bars(rows)
    assert validated.good["unit_id"].to_list() == ["range"]
    assert validated.rejected.is_empty()


@pytest.mark.parametrize("changes", [{"close": 11.5}, {"volume": 1_001.0}, {"vwap": None}, {"transactions": 43}])
def test_of_two_different_rows_for_one_session_none_is_kept(changes):
    validated = validate_bars(frame([bar(), bar(**changes), bar(session=date(2026, 11, 19))]))
    assert validated.good["session"].to_list() == [date(2026, 11, 19)]
    assert validated.rejected["reason"].to_list() == ["two different rows for one session"] * 2


def test_a_broken_row_beside_a_good_one_spoils_both_and_keeps_its_own_reason():
    contradicts = "two different rows for one session"
    assert reasons(bar(), bar(volume=-1.0)) == [contradicts, f"volume is negative; {contradicts}"]


@pytest.mark.parametrize(
    ("volume", "shares", "printed"),
    [
        (0.0, 0, None),
        (1e-9, 1, 0.000001),
        (0.004, 1, 0.004),
        (0.4, 1, 0.4),
        (0.5, 1, 0.5),
        (0.9999999, 1, None),
        (1.4, 1, 1.4),
        (1.5, 2, 1.5),
        (2.5, 2, 2.5),
        (3.5, 4, 3.5),
        (2.51, 3, 2.51),
        (38649398.679189, 38649399, 38649398.679189),
        (1e9 + 0.5, 10**9, 1e9 + 0.5),
        (1e9 + 1.5, 10**9 + 2, 1e9 + 1.5),
        (MAX_VOLUME - 1, 10**15 - 1, None),
    ],
)
def test_a_fraction_of_a_share_is_rounded_half_to_even_never_to_nothing_and_kept_as_printed(volume, shares, printed):
    good = validate_bars(frame([bar(volume=volume)])).good
    assert good.select("volume", "volume_printed").rows() == [(shares, printed)]


def test_no_rows_are_no_rows():
    validated = validate_bars(frame([]))
    assert validated.good.schema == pl.Schema({**BAR_SCHEMA, "volume_printed": pl.Float64})
    assert validated.rejected.schema == pl.Schema({**BAR_SCHEMA, "reason": pl.String})


PRICES = st.sampled_from([None, math.nan, math.inf, -1.0, 0.0, MIN_PRICE, 9.0, 10.0, 11.0, MAX_PRICE, 2 * MAX_PRICE])
ROWS = st.builds(
    bar,
    ticker=st.sampled_from(["AAPL", "MSFT"]),
    session=st.sampled_from([None, FRIDAY, date(2026, 11, 19)]),
    open=PRICES,
    high=PRICES | st.just(12.0),
    low=PRICES | st.just(8.0),
    close=PRICES,
    volume=st.sampled_from([None, math.nan, math.inf, -1.0, 0.0, 0.5, 1_000.0]),
    vwap=PRICES,
    transactions=st.sampled_from([None, -1, 0, 7]),
)
MOSTLY_GOOD = st.builds(bar, ticker=st.sampled_from("ABCDEF"), close=st.sampled_from([9.5, 11.0]))


@given(st.lists(ROWS | MOSTLY_GOOD, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_rows_decides_nothing_and_no_row_is_lost(rows, random):
    validated = validate_bars(frame(rows))
    shuffled = validate_bars(frame(random.sample(rows, len(rows))))
    for one, other in ((validated.good, shuffled.good), (validated.rejected, shuffled.rejected)):
        keys = one.columns
        assert one.sort(keys, nulls_last=True).equals(other.sort(keys, nulls_last=True))
    assert not validated.good.select(pl.struct("ticker", "session").is_duplicated().any()).item()
    assert validated.rejected.filter(pl.col("reason").is_null() | (pl.col("reason") == "")).is_empty()
    told = frame(rows).with_columns(pl.col(pl.Float64).fill_nan(None)).unique().height
    assert validated.good.height + validated.rejected.height == told


# Against the table

STRICTER_THAN_THE_TABLE = (OUTSIDE, "volume is above", "vwap is no price", "transactions is negative", "two different")
INSERT = """
INSERT INTO same_rules (security_id, session, ticker, closes_at, open, high, low, close, volume, vwap, transactions,
    source, status, loaded_at, volume_printed)
VALUES (1, %(session)s, %(ticker)s, %(now)s, %(open)s, %(high)s, %(low)s, %(close)s, %(volume)s, %(vwap)s,
    %(transactions)s, 'test', 'final', %(now)s, %(volume_printed)s)"""


def awkward_rows(count: int) -> list[dict[str, object]]:
    random = Random(20261120)
    prices = [None, -1.0, 0.0, 4e-7, MIN_PRICE, 9.0000004, 9.000001, 9.5, 10.0, 11.0, MAX_PRICE, 3e12]
    return [
        bar(
            ticker=f"T{number}",
            session=random.choice([FRIDAY] * 20 + [None]),
            open=random.choice(prices[4:10] * 6 + prices),
            high=random.choice(prices[7:11] * 6 + prices),
            low=random.choice(prices[4:8] * 6 + prices),
            close=random.choice(prices[4:10] * 6 + prices),
            volume=random.choice([0.0, 0.5, 3e-7, 123.4567891, 1e15, 12_345.0] * 4 + [None, -1.0]),
            vwap=random.choice([None, 10.0, MIN_PRICE, MAX_PRICE] * 4 + [-1.0, 1e13]),
            transactions=random.choice([None, 0, 2**40] * 4 + [-1]),
        )
        for number in range(count)
    ]


def test_the_table_takes_every_good_row_and_refuses_what_was_rejected(migrated_database_url: str):
    validated = validate_bars(frame(awkward_rows(1_500)))
    assert validated.good.height > 200
    now = {"now": datetime(2026, 11, 20, 21, tzinfo=UTC)}
    with psycopg.connect(migrated_database_url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE same_rules (LIKE ohlcv_daily INCLUDING CONSTRAINTS INCLUDING DEFAULTS)")
        good = validated.good.cast({"volume": pl.Int64}).iter_rows(named=True)
        cursor.executemany(INSERT, [{**row, **now} for row in good])
        refused = 0
        for row in validated.rejected.iter_rows(named=True):
            broken = [words for words in row.pop("reason").split("; ") if not words.startswith(STRICTER_THAN_THE_TABLE)]
            if broken:
                with pytest.raises((psycopg.IntegrityError, psycopg.DataError)), connection.transaction():
                    cursor.execute(INSERT, {**row, **now, "volume_printed": None})
                refused += 1
        assert refused > 200
