"""The estimate: exact where a security follows its reference exactly, the last close where nothing can be said."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickstock_dagster.core.actions.returns import CLOSE_SCHEMA, PAYOUT_SCHEMA
from tickstock_dagster.core.valuation.fair_value import (
    FAIR_VALUE_SCHEMA,
    LEAST_RETURNS,
    LOOKBACK,
    UNPRINTED_SCHEMA,
    beta_of,
    estimate_fair_values,
    references_of,
)

DAYS = [date(2025, 1, 1) + timedelta(days=day) for day in range(120)]
THIN, SPY, XLE = 1, 2, 3
TICKERS = {THIN: "THIN", SPY: "SPY", XLE: "XLE"}
NAN = float("nan")


def walk(seed: int, days: int = 120, size: float = 0.01) -> np.ndarray:
    """Prices that wander from 100."""
    return 100 * np.cumprod(1 + np.random.default_rng(seed).normal(0, size, days))


def closes(prices: Mapping[int, np.ndarray]) -> pl.DataFrame:
    """Prints of some securities; NaN is none."""
    rows = [
        (security, day, TICKERS[security], float(price))
        for security, row in prices.items()
        for day, price in zip(DAYS, row, strict=False)
        if not np.isnan(price)
    ]
    return pl.DataFrame(rows, schema=CLOSE_SCHEMA, orient="row")


def estimate(
    prices: Mapping[int, np.ndarray],
    *places: int,
    reference: str | None = None,
    sector: str | None = None,
    payouts: tuple[tuple[int, int, float | None, float | None], ...] = (),
    security: int = THIN,
) -> list[dict[str, Any]]:
    """Values of the security on some days; payouts are (security, place, ratio, cash)."""
    cells = [(security, DAYS[place], TICKERS[security], reference, sector) for place in places]
    actions = [(who, DAYS[place], ratio, cash) for who, place, ratio, cash in payouts]
    found = estimate_fair_values(
        pl.DataFrame(cells, schema=UNPRINTED_SCHEMA, orient="row"),
        closes(prices),
        pl.DataFrame([(*row, None) for row in actions], schema=PAYOUT_SCHEMA, orient="row"),
        DAYS,
    )
    assert found.schema == pl.Schema(FAIR_VALUE_SCHEMA)
    return found.to_dicts()


def follower(reference: np.ndarray, beta: float, holes: set[int]) -> tuple[np.ndarray, np.ndarray]:
    """What prints on all but some days, and what it would have printed: beta × the reference from print to print."""
    true, printed, last = np.full(len(reference), NAN), np.full(len(reference), NAN), 0
    true[0] = printed[0] = 20.0
    for place in range(1, len(reference)):
        true[place] = printed[last] * (1 + beta * (reference[place] / reference[last] - 1))
        if place not in holes:
            printed[place], last = true[place], place
    return true, printed


@given(
    seed=st.integers(0, 2**32 - 1),
    beta=st.sampled_from([-2.0, -0.5, 0.3, 1.0, 3.0]),
    holes=st.sets(st.integers(1, 119), max_size=60),
)
@settings(max_examples=60, deadline=None)
def test_what_follows_its_reference_exactly_is_valued_exactly(seed: int, beta: float, holes: set[int]) -> None:
    holes = holes | {119}
    reference = walk(seed)
    true, printed = follower(reference, beta, holes)
    [found] = estimate({THIN: printed, SPY: reference}, 119)
    last = max(set(range(119)) - holes)
    assert found["fmv"] == pytest.approx(true[119], rel=1e-6)
    assert (found["method"], found["source"], found["reference"]) == ("reference", "estimator", "SPY")
    assert found["beta"] == pytest.approx(beta, rel=1e-5)
    assert found["sessions_since_print"] == 119 - last
    assert (found["last_session"], found["last_close"]) == (DAYS[last], pytest.approx(printed[last]))


def test_nothing_that_came_later_is_used() -> None:
    reference, printed = walk(1), walk(2)
    printed[100:] = NAN
    [before] = estimate({THIN: printed, SPY: reference}, 103)
    reference[104:] *= 7
    printed[104:] = 1.0
    assert estimate({THIN: printed, SPY: reference}, 103) == [before]
    assert before["sessions_since_print"] == 4
    later = estimate({THIN: printed, SPY: reference}, 103, payouts=((THIN, 104, 0.5, None), (SPY, 110, 0.5, None)))
    assert later == [before]


def test_a_split_and_a_dividend_since_the_print_are_in_the_value() -> None:
    reference = walk(3)
    true, printed = follower(reference, 1.0, set(range(110, 120)))
    split = printed.copy()
    split[50:] /= 2
    # The cash is in the shares of its ex-date, after the split since the print: 5 % of a quarter of that price.
    cash = 0.05 * float(split[109]) / 4
    actions = ((THIN, 50, 0.5, None), (THIN, 112, 0.25, None), (THIN, 115, None, cash))
    [found] = estimate({THIN: split, SPY: reference}, 118, payouts=actions)
    assert found["fmv"] == pytest.approx(true[118] / 2 / 4 * 0.95, rel=1e-6)
    assert found["beta"] == pytest.approx(1, rel=1e-5), "the split in the window is no return"
    [plain] = estimate({THIN: np.where(np.arange(120) < 10, split, NAN), SPY: reference}, 118, payouts=actions)
    assert plain["method"] == "last_close"
    assert plain["fmv"] == pytest.approx(split[9] * 0.5 * 0.25 - cash, rel=1e-5)


def test_the_reference_pays_and_splits_without_moving_anything() -> None:
    reference = walk(4)
    true, printed = follower(reference, 0.8, {117, 118, 119})
    raw = reference.copy()
    raw[118:] /= 3
    [found] = estimate({THIN: printed, SPY: raw}, 119, payouts=((SPY, 118, 1 / 3, None),))
    assert found["fmv"] == pytest.approx(true[119], rel=1e-6)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((None, None, "KO"), ("SPY",)),
        (("QQQ", None, "VUG"), ("QQQ", "SPY")),
        ((None, "Energy", "XOM"), ("XLE", "SPY")),
        ((None, "Nothing known", "X"), ("SPY",)),
        (("SPY", None, "SPY"), ()),
        (("XLE", "Energy", "XLE"), ("SPY",)),
    ],
)
def test_references_the_best_first(names: tuple[str | None, str | None, str], expected: tuple[str, ...]) -> None:
    assert references_of(*names) == expected


def test_the_next_reference_is_taken_where_the_best_has_no_print() -> None:
    market, energy = walk(5), walk(6)
    true, printed = follower(energy, 1.2, {119})
    [best] = estimate({THIN: printed, SPY: market, XLE: energy}, 119, sector="Energy")
    assert (best["reference"], best["fmv"]) == ("XLE", pytest.approx(true[119], rel=1e-6))
    energy[119] = NAN
    [other] = estimate({THIN: printed, SPY: market, XLE: energy}, 119, sector="Energy")
    assert (other["reference"], other["method"]) == ("SPY", "reference")
    market[119] = NAN
    [none] = estimate({THIN: printed, SPY: market, XLE: energy}, 119, sector="Energy")
    assert (none["reference"], none["beta"], none["method"]) == (None, None, "last_close")
    assert none["fmv"] == pytest.approx(printed[118], abs=1e-6)


@pytest.mark.parametrize(("prints", "method"), [(LEAST_RETURNS, "last_close"), (LEAST_RETURNS + 1, "reference")])
def test_too_little_history_is_the_last_close(prints: int, method: str) -> None:
    reference = walk(7)
    _, printed = follower(reference, 1.0, {119})
    printed[: 119 - prints] = NAN
    [found] = estimate({THIN: printed, SPY: reference}, 119)
    assert found["method"] == method


def test_the_reference_itself_is_worth_its_last_close_when_it_does_not_print() -> None:
    market = walk(8)
    market[119] = NAN
    [found] = estimate({SPY: market}, 119, security=SPY, reference="SPY")
    assert (found["method"], found["fmv"]) == ("last_close", pytest.approx(market[118], abs=1e-6))


def test_without_a_print_there_is_no_value() -> None:
    assert estimate({SPY: walk(9)}, 119) == []
    printed = np.full(120, NAN)
    printed[119] = 5
    assert estimate({THIN: printed, SPY: walk(9)}, 119) == [], "its own print of the session is not looked at"
    assert LOOKBACK == 252


def test_an_estimate_is_never_zero_or_below() -> None:
    reference = walk(10)
    _, printed = follower(reference, -3.0, {119})
    reference[119] = reference[118] * 2
    [found] = estimate({THIN: printed, SPY: reference}, 119)
    assert (found["method"], found["fmv"]) == ("last_close", pytest.approx(printed[118], abs=1e-6))
    assert estimate({THIN: np.where(np.isnan(printed), NAN, 1e-8), SPY: reference}, 119) == []


@given(seed=st.integers(0, 2**32 - 1), noise=st.sampled_from([0.0, 0.001, 0.01, 0.1, 10.0]))
@settings(max_examples=60)
def test_beta_lies_between_zero_and_the_slope_and_nearer_zero_the_less_is_certain(seed: int, noise: float) -> None:
    random = np.random.default_rng(seed)
    references = random.normal(0, 0.01, 60)
    spans = random.integers(1, 10, 60).astype(float)
    shock = random.normal(0, 0.01, 60)
    returns = 0.9 * references + noise * shock
    weights = 1 / spans
    slope = (weights * references * returns).sum() / (weights * references**2).sum()
    found = beta_of(returns, references, spans)
    assert 0 <= found / slope <= 1 + 1e-12
    if noise == 0:
        assert found == pytest.approx(0.9)
    # The same slope with all its residuals doubled is less certain.
    doubled = slope * references + 2 * (returns - slope * references)
    assert abs(beta_of(doubled, references, spans)) <= abs(found) + 1e-12


def test_a_reference_that_stands_still_says_nothing() -> None:
    assert beta_of(np.ones(30), np.zeros(30), np.ones(30)) == 0.0
    assert beta_of(np.zeros(30), np.ones(30), np.ones(30)) == 0.0
