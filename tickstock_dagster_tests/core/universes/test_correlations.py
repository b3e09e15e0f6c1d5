"""Correlations: numpy's value for every window, none where the window says nothing, news only where there are some."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickstock_dagster.core.actions.returns import CLOSE_SCHEMA, PAYOUT_SCHEMA, total_returns
from tickstock_dagster.core.universes.correlations import (
    CORRELATION_SCHEMA,
    FUND_SCHEMA,
    STEP,
    WINDOWS,
    Published,
    correlate_funds,
    rolling_correlations,
    worth_publishing,
)

DAYS = [date(2025, 1, 1) + timedelta(days=day) for day in range(400)]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """Series and references of any level, with jumps of level, holes and stretches that stand still; and a window."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    length, window = draw(st.integers(5, 120)), draw(st.integers(2, 60))
    rows = random.normal(size=(draw(st.integers(1, 5)) + 2, length))
    rows[1:] += draw(st.sampled_from([0.0, 0.5, 30.0])) * rows[0]
    rows *= 10.0 ** random.integers(-8, 9, size=(len(rows), 1))
    for row in rows:
        start, end = sorted(random.integers(0, length + 1, size=2))
        match draw(st.integers(0, 4)):
            case 0:
                row[start:end] = np.nan
            case 1:
                row[start:end] = row[start % length]
            case 2:
                row[start:] += 1e4 * np.nanmax(np.abs(row))
    return rows[2:], rows[:2], window


@given(worlds())
@settings(max_examples=150)
def test_every_window_has_numpys_value_or_none(world: tuple[np.ndarray, np.ndarray, int]) -> None:
    series, references, window = world
    found = rolling_correlations(series, references, window)
    assert found.shape == (len(series), len(references), series.shape[1])
    for number, row in enumerate(series):
        for place, reference in enumerate(references):
            for last in range(series.shape[1]):
                value = found[number, place, last]
                one, other = (
                    (x[last - window + 1 : last + 1] for x in (row, reference)) if last + 1 >= window else ((), ())
                )
                if not len(one) or np.isnan(one).any() or np.isnan(other).any() or 0 in (np.ptp(one), np.ptp(other)):
                    assert np.isnan(value)
                else:
                    assert value == pytest.approx(np.corrcoef(one, other)[0, 1], abs=1e-12)


def test_a_price_that_stands_still_has_no_correlation_however_it_is_rounded() -> None:
    series = np.full((1, 100), 0.1) + np.where(np.arange(100) < 10, 0.01, 0)
    found = rolling_correlations(series, np.random.default_rng(1).normal(size=(1, 100)), 60)[0, 0]
    assert np.isfinite(found[59:69]).all()
    assert np.isnan(found[69:]).all()


def closes(**tickers: list[float | None]) -> pl.DataFrame:
    """Closes on consecutive days, the securities numbered from 1; None is no bar."""
    rows = [
        (number, DAYS[place], ticker, price)
        for number, (ticker, prices) in enumerate(tickers.items(), start=1)
        for place, price in enumerate(prices)
        if price is not None
    ]
    return pl.DataFrame(rows, schema=CLOSE_SCHEMA, orient="row")


def payouts(*rows: tuple[int, date, float | None, float | None]) -> pl.DataFrame:
    return pl.DataFrame([(*row, None) for row in rows], schema=PAYOUT_SCHEMA, orient="row")


def test_returns_are_adjusted_for_splits_and_dividends_and_need_both_sessions() -> None:
    prices = closes(AAA=[100.0, 110.0, 55.0, None, 60.0, 66.0, 65.0])
    actions = payouts(
        (1, DAYS[2], 0.5, None), (1, DAYS[5], None, 6.0), (1, DAYS[6], None, 100.0), (9, DAYS[1], 0.1, None)
    )
    securities, returns = total_returns(prices, actions, DAYS[:7])
    assert securities == [1]
    # A dividend above the price would make it negative: it is left out, as in the view.
    expected = [np.nan, 0.1, 0.0, np.nan, np.nan, 66 / 54 - 1, 65 / 66 - 1]
    assert returns[0] == pytest.approx(expected, nan_ok=True)


def test_an_action_on_a_day_without_a_session_counts_on_the_next_one() -> None:
    sessions = [DAYS[0], DAYS[1], DAYS[4]]
    prices = closes(AAA=[10.0, 10.0, None, None, 5.0])
    _, returns = total_returns(prices, payouts((1, DAYS[2], 0.5, None), (1, DAYS[9], 0.5, None)), sessions)
    assert returns[0, 1:].tolist() == [0.0, 0.0]


def walk(seed: int, length: int = 300) -> list[float]:
    return list(100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, length))))


def funds(*rows: tuple[int, str | None]) -> pl.DataFrame:
    return pl.DataFrame([(*row, None) for row in rows], schema=FUND_SCHEMA, orient="row")


def test_every_etf_is_compared_with_both_references_and_its_own_but_none_with_itself() -> None:
    prices = closes(SPY=walk(1), IWM=walk(2), AGG=walk(3), TLT=walk(4), XLK=walk(5))
    pairs = funds((1, "SPY"), (3, None), (4, "AGG"), (5, "SPY"), (6, "GONE"))
    found = correlate_funds(prices, payouts(), pairs, DAYS[:300], first=DAYS[290])
    assert dict(found.schema) == CORRELATION_SCHEMA
    assert set(found.select("ticker", "reference").iter_rows()) == {
        ("SPY", "IWM"), ("AGG", "SPY"), ("AGG", "IWM"), ("TLT", "SPY"), ("TLT", "IWM"), ("TLT", "AGG"),
        ("XLK", "SPY"), ("XLK", "IWM"),
    }  # fmt: skip
    assert found.height == 8 * len(WINDOWS) * 10
    assert set(found["session"]) == set(DAYS[290:300])
    _, returns = total_returns(prices, payouts(), DAYS[:300])
    for window in WINDOWS:
        value = found.filter(
            pl.col("session") == DAYS[295],
            pl.col("ticker") == "TLT",
            pl.col("reference") == "AGG",
            pl.col("sessions") == window,
        )["correlation"].item()
        span = slice(296 - window, 296)
        assert value == pytest.approx(np.corrcoef(returns[3, span], returns[2, span])[0, 1], abs=1e-12)


def test_a_day_computed_alone_has_the_value_that_it_has_in_a_range() -> None:
    prices = closes(SPY=walk(1), IWM=walk(2), XLK=walk(5))
    both = [
        correlate_funds(prices, payouts(), funds((3, None)), DAYS[:300], first=first).filter(
            pl.col("session") == DAYS[299]
        )
        for first in (DAYS[255], DAYS[299])
    ]
    assert both[0].height == 4
    assert both[0].drop("correlation").equals(both[1].drop("correlation"))
    assert (both[0]["correlation"] - both[1]["correlation"]).abs().max() < 1e-12  # type: ignore[operator]


def test_a_young_etf_and_one_with_a_hole_have_a_value_once_the_window_is_whole() -> None:
    prices = closes(SPY=walk(1), NEW=[None] * 200 + walk(2, 100), GAP=[*walk(3, 250), None, *walk(4, 49)])
    found = correlate_funds(prices, payouts(), funds((2, None), (3, None)), DAYS[:300], first=DAYS[252])
    begins = found.group_by("ticker", "sessions").agg(pl.col("session").min(), pl.len()).sort("ticker")
    # 61 closes make 60 returns: the first on day 200, the sixtieth return on day 260.
    assert begins.rows() == [("NEW", 60, DAYS[260], 40)]


def test_without_a_reference_or_a_bar_there_is_nothing() -> None:
    assert correlate_funds(closes(XLK=walk(1)), payouts(), funds((1, None)), DAYS[:300], first=DAYS[299]).is_empty()
    assert correlate_funds(closes(), payouts(), funds(), DAYS[:300], first=DAYS[299]).is_empty()


def values(*rows: tuple[date, float]) -> pl.DataFrame:
    return pl.DataFrame(
        [(day, 1, "XLK", "SPY", 60, value) for day, value in rows], schema=CORRELATION_SCHEMA, orient="row"
    )


@pytest.mark.parametrize(
    ("told", "previous"),
    [
        (None, [None]),
        (Published(DAYS[0], 0.5), [0.5]),
        (Published(DAYS[0], 0.8 - STEP * 1.01), [0.8 - STEP * 1.01]),
        (Published(DAYS[0], 0.8 - STEP * 0.99), []),
        (Published(DAYS[2], 0.5), [0.5]),
        (Published(DAYS[3], 0.5), []),
    ],
    ids=["first", "moved", "just beyond the step", "within the step", "corrected", "older than what was told"],
)
def test_the_newest_value_is_news_when_it_moved(told: Published | None, previous: list[float | None]) -> None:
    given_values = values((DAYS[0], 0.1), (DAYS[2], 0.8), (DAYS[1], -0.9))
    news = worth_publishing(given_values, {(1, "SPY", 60): told} if told else {})
    assert [last for _, last in news] == previous
    assert all(row["correlation"] == 0.8 for row, _ in news)
