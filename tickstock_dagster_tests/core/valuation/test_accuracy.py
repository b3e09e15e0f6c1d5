"""Measuring the estimate: on drawn prices, whose truth is known, and on real closes where they are at hand."""

import os
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.fair_values import FILE, real_prints, synthetic_prints
from tickstock_dagster.core.valuation.accuracy import (
    BUCKETS,
    ERROR_SCHEMA,
    PRINT_SCHEMA,
    SILENCES,
    error_table,
    hide_and_value,
    liquidity_buckets,
)
from tickstock_dagster.core.valuation.fair_value import estimate_fair_values

DAYS = [date(2025, 1, 1) + timedelta(days=day) for day in range(300)]


def prints(**prices: np.ndarray) -> pl.DataFrame:
    frames = [
        pl.DataFrame(
            {"ticker": [name] * len(row), "session": DAYS[: len(row)], "close": row, "volume": [1000] * len(row)}
        )
        for name, row in prices.items()
    ]
    return pl.concat(frames).cast(pl.Schema(PRINT_SCHEMA))


def walk(seed: int) -> np.ndarray:
    return 100 * np.cumprod(1 + np.random.default_rng(seed).normal(0, 0.01, 300))


def test_a_perfect_follower_has_no_error_and_its_last_close_has_the_markets() -> None:
    market = walk(1)
    errors = hide_and_value(prints(SPY=market, TWIN=3 * market), {}, silences=(1, 4), every=7)
    assert errors.schema == pl.Schema(ERROR_SCHEMA)
    assert set(errors["ticker"]) == {"TWIN"}, "SPY has no reference"
    assert errors.height == 2 * len(range(150, 300, 7))
    assert (errors["estimate"] < 1e-12).all()
    place = 150 + 7 * 3
    one = errors.filter((pl.col("session") == DAYS[place]) & (pl.col("silence") == 4))
    assert one["last_close"].item() == pytest.approx(abs(market[place - 4] / market[place] - 1))


def test_what_is_measured_is_what_the_store_would_be_given() -> None:
    """The same hidden close, valued by the function that the store uses."""
    market, own = walk(2), 0.5 * walk(2) + 0.5 * walk(3)
    place, silence = 201, 3
    errors = hide_and_value(prints(SPY=market, OWN=own), {}, silences=(silence,), every=1)
    measured = errors.filter(pl.col("session") == DAYS[place])["estimate"].item()
    shown = [(1, day, "OWN", price) for day, price in zip(DAYS[: place - silence + 1], own, strict=False)]
    shown += [(2, day, "SPY", price) for day, price in zip(DAYS, market, strict=True)]
    cell = [(1, DAYS[place], "OWN", None, None)]
    [value] = estimate_fair_values(
        pl.DataFrame(
            cell, schema=["security_id", "session", "ticker", "correlation_reference", "sector"], orient="row"
        ),
        pl.DataFrame(shown, schema=["security_id", "session", "ticker", "close"], orient="row"),
        pl.DataFrame(
            schema={
                "security_id": pl.Int64,
                "ex_date": pl.Date,
                "split_ratio": pl.Float64,
                "cash": pl.Float64,
                "close_before": pl.Float64,
            }
        ),
        DAYS,
    )["fmv"]
    assert abs(value / own[place] - 1) == pytest.approx(measured, abs=1e-7)


def test_buckets_are_thirds_by_dollar_volume() -> None:
    found = liquidity_buckets(prints(**{f"A{number}": np.full(5, 10.0 + number) for number in range(9)}))
    assert [found[f"A{number}"] for number in range(9)] == ["thin"] * 3 + ["middle"] * 3 + ["liquid"] * 3


def test_on_drawn_prices_the_estimate_halves_the_error_of_the_last_close() -> None:
    errors = hide_and_value(synthetic_prints(), {})
    table = error_table(errors)
    assert [(row["bucket"], row["silence"]) for row in table.iter_rows(named=True)] == [
        (bucket, silence) for bucket in BUCKETS for silence in SILENCES
    ]
    assert table["values"].sum() == errors.height > 1_000
    assert (table["estimate_median"] < table["last_close_median"]).all()
    liquid = table.filter(pl.col("bucket") == "liquid")
    assert (liquid["estimate_median"] < 0.5 * liquid["last_close_median"]).all()
    assert (table["worse"] < 0.5).all()
    # Longer silence, larger error; and the quantiles are in order.
    assert liquid["estimate_median"].is_sorted()
    assert (table["estimate_median"] <= table["estimate_p90"]).all()
    assert (table["estimate_p90"] <= table["estimate_p99"]).all()


def test_where_nothing_is_related_the_estimate_is_about_as_good_as_the_last_close() -> None:
    unrelated = {f"U{number}": walk(100 + number) for number in range(12)}
    errors = hide_and_value(prints(SPY=walk(99), **unrelated), {}, every=3)
    for quantile in (0.5, 0.9):
        ours, plain = errors["estimate"].quantile(quantile), errors["last_close"].quantile(quantile)
        assert ours is not None
        assert plain is not None
        assert ours < 1.03 * plain


@pytest.mark.real_data
def test_real_closes_of_450_etfs_are_nearer_the_estimate_in_every_bucket() -> None:
    folder = os.environ.get("TICKSTOCK_REAL_DATA", "")
    if not (Path(folder) / FILE).is_file():
        pytest.skip("TICKSTOCK_REAL_DATA holds no bars of ETFs")
    table = error_table(hide_and_value(real_prints(Path(folder)), {}, every=41))
    assert table["values"].sum() > 25_000
    assert (table["estimate_median"] < 0.7 * table["last_close_median"]).all()
    assert (table["estimate_p90"] < 0.85 * table["last_close_p90"]).all()
    assert (table["estimate_p99"] < table["last_close_p99"]).all()
