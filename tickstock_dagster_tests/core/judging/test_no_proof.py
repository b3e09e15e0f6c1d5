"""What looks like a proof that a bar is wrong, and is none: a tick, few shares, a split of another ratio, a habit."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from tickstock_dagster_tests.core.judging.panels import DAYS, PLACE, disturbed, judged, quiet_bars

DAY = DAYS[PLACE]
PRICES = ("open", "high", "low", "close")
Columns = dict[str, np.ndarray]


def verdicts(bars: pl.DataFrame, rule: str) -> list[str]:
    return [verdict for (_, name), (verdict, _) in judged(bars).items() if name == rule]


@pytest.mark.parametrize(("price", "decimals"), [(0.05, 2), (0.0005, 4)])
def test_a_move_of_two_ticks_that_the_next_open_takes_back_proves_nothing(price: float, decimals: int) -> None:
    def change(bars: Columns, place: int) -> None:
        for name in PRICES:
            bars[name][:] = price
        bars["low"][place] = bars["close"][place] = round(price * 0.6, decimals)

    assert judged(disturbed(change))[DAY, "price_move"][0] == "suspicious"


def same_again(volume: float, ticks: int, sessions: int) -> Callable[[Columns, int], None]:
    def change(bars: Columns, place: int) -> None:
        middle = round(float(bars["close"][place - sessions]), 2)
        for at in (place - sessions, place):
            for name, share in zip(PRICES, (0.0, 0.5, -0.5, 0.5), strict=True):
                bars[name][at] = middle + round(share * ticks) / 100
            bars["volume"][at] = volume

    return change


@pytest.mark.parametrize(
    ("volume", "ticks", "sessions", "expected"),
    [
        (50.0, 2, 5, []),
        (2_017.0, 2, 5, ["suspicious"]),
        (20_017.0, 2, 5, ["wrong"]),
        (400.0, 4, 1, ["suspicious"]),
        (20_000.0, 24, 5, ["wrong"]),
    ],
)
def test_a_bar_of_few_ticks_again_is_a_copy_where_its_volume_is_no_chance(
    volume: float, ticks: int, sessions: int, expected: list[str]
) -> None:
    assert verdicts(disturbed(same_again(volume, ticks, sessions)), "copied_bar") == expected


def test_prices_of_a_wide_range_again_with_another_volume_may_be_a_copy() -> None:
    def change(bars: Columns, place: int) -> None:
        for name in PRICES:
            bars[name][place] = bars[name][place - 5]

    assert verdicts(disturbed(change), "copied_bar") == ["suspicious"]


@pytest.mark.parametrize(("ratio", "verdict"), [(8.0, "suspicious"), (12.0, "suspicious"), (10.0, "wrong")])
def test_a_reverse_split_of_another_ratio_is_no_slip_of_ten_however_volatile_it_is(ratio: float, verdict: str) -> None:
    random = np.random.default_rng(3)
    wild = np.exp(random.normal(0, 0.06, len(DAYS)))
    wild[PLACE - 1 : PLACE + 2] = 1.0

    def change(bars: Columns, place: int) -> None:
        for name in PRICES:
            bars[name][:] *= wild
            bars[name][place : place + 3] *= ratio

    found = judged(disturbed(change))
    assert found[DAY, "scale_break"][0] == verdict


@pytest.mark.parametrize(("close", "found"), [(1.0, {"open_gap": "suspicious"}), (0.72, {"lone_bar": "wrong"})])
def test_an_open_that_its_own_close_took_back_is_not_proven_wrong_by_the_next_one(
    close: float, found: dict[str, str]
) -> None:
    def change(bars: Columns, place: int) -> None:
        last = bars["close"][place - 1]
        bars["open"][place], bars["close"][place] = 0.7 * last, close * last * 1.004
        bars["low"][place], bars["high"][place] = 0.69 * last, max(1.01 * close, 0.75) * last
        bars["open"][place + 1] = last
        bars["high"][place + 1] = max(bars["high"][place + 1], last)
        bars["low"][place + 1] = min(bars["low"][place + 1], last)

    of_day = {rule: verdict for (day, rule), (verdict, _) in judged(disturbed(change)).items() if day == DAY}
    assert of_day.items() >= found.items()


@pytest.mark.parametrize(("before", "verdict"), [(1, "wrong"), (4, "suspicious")])
def test_a_session_without_a_trade_is_no_habit_of_what_trades_much(before: int, verdict: str) -> None:
    def change(bars: Columns, place: int) -> None:
        bars["volume"][:] *= 10
        for at in [place - 10 * number for number in range(1, before + 1)]:
            bars["volume"][at] = 0.0
        bars["volume"][place] = 0.0

    assert judged(disturbed(change))[DAY, "no_volume"][0] == verdict


def test_what_is_made_up_here_is_quiet_without_it() -> None:
    assert judged(quiet_bars()) == {}
