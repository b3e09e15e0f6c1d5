"""Draws daily bars: common factors with volatility clustering, fat-tailed idiosyncratic moves, raw prices as printed.

A series depends on the seed and on the security's key alone: not on the process, nor on the number of other tickers.
Draws cover whole eras in a fixed order, and an era's draws never depend on how many eras follow: a clock that moves on
adds bars and changes none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import log

import numpy as np

from tickstock_dagster.core.calendars.session_calendar import LAST_DAY
from tickstock_dagster.simulator.market.securities import (
    DaySeries,
    DividendEvent,
    Floats,
    Ordinals,
    SplitEvent,
    generator,
)
from tickstock_dagster.simulator.market.sessions import Sessions
from tickstock_dagster.simulator.synthetic.catalogue import SECTORS, Traits

ANCHOR = date(2026, 1, 2)
"""The day of the traits' price levels."""

FACTORS = {
    "market": 0.010, "small": 0.007, "world": 0.006, "emerging": 0.008, "gold": 0.010, "crops": 0.009,
    "bonds": 0.003, "long bonds": 0.009, "short bonds": 0.0006, "commodities": 0.010, "crypto": 0.028,
    "growth": 0.004, "value": 0.003, **dict.fromkeys(SECTORS, 0.006),
}  # fmt: skip
"""Daily standard deviation of each factor; all but the market's are in addition to the market."""

ERA_ENDS = (date(2030, 12, 31), date(2040, 12, 31), LAST_DAY)
"""Last days of the eras. Only the first is drawn until the clock needs the next: a decade costs a third more."""

_CALM_PERSISTENCE, _SHOCK_WEIGHT = 0.90, 0.08
_DRIFT = 0.00018
_FLOOR = 0.02
_CENTS, _TENTHS_OF_CENTS = 2, 4
_HALF_DAY_VOLUME = 0.55
_MONTH_END_VOLUME = 1.25
PARTS_OF_SHARES_FROM = date(2026, 2, 23)
"""Since early 2026 the vendor's volumes have parts of shares; its own first day is not known to us."""

WHOLE_VOLUMES = 0.09
"""Share of the later bars whose volume is whole all the same: 1,151 of 12,518 in a published count."""

_DECLARED_AHEAD, _PAID_AFTER = 15, 15
"""Sessions from declaration to ex-date, and from ex-date to payment."""


class Draws:
    """The random numbers of `name`, one per session of the given eras; each era has a generator of its own."""

    def __init__(self, seed: int, name: str, eras: Sequence[int]) -> None:
        names = (name if number == 0 else f"{name}:era {number}" for number in range(len(eras)))
        self._parts = [(generator(seed, name), length) for name, length in zip(names, eras, strict=True)]

    def normal(self) -> Floats:
        """Standard normal numbers."""
        return np.concatenate([random.standard_normal(length) for random, length in self._parts])

    def normals(self, rows: int) -> Floats:
        """That many rows of standard normal numbers."""
        return np.concatenate([random.standard_normal((rows, length)) for random, length in self._parts], axis=1)

    def student(self, freedom: int) -> Floats:
        """Numbers of Student's t with that many degrees of freedom."""
        return np.concatenate([random.standard_t(freedom, length) for random, length in self._parts])

    def uniform(self) -> Floats:
        """Uniform numbers from 0 to below 1."""
        return np.concatenate([random.random(length) for random, length in self._parts])


def eras_of(calendar: Sessions) -> tuple[int, ...]:
    """Number of sessions of each era."""
    ends = np.searchsorted(calendar.ordinals, [day.toordinal() for day in ERA_ENDS], side="right").tolist()
    return tuple(end - begin for begin, end in pairwise([0, *ends]))


def _clustered_variance(shocks: Floats) -> Floats:
    """GARCH(1,1) variance around 1 driven by standard `shocks`."""
    variance = np.empty_like(shocks)
    level = 1.0
    base = 1 - _CALM_PERSISTENCE - _SHOCK_WEIGHT
    for index, shock in enumerate(shocks.tolist()):
        variance[index] = level
        level = base + level * (_CALM_PERSISTENCE + _SHOCK_WEIGHT * min(shock * shock, 25.0))
    return variance


@dataclass(frozen=True, slots=True)
class CommonFactors:
    """What all series share, by session.

    Attributes:
        eras: number of sessions of each drawn era.
        returns: log return of each factor.
        turbulence: scale of all moves, 1 = usual.
        crowding: scale of all volumes, 1 = usual.
    """

    eras: tuple[int, ...]
    returns: dict[str, Floats]
    turbulence: Floats
    crowding: Floats


def common_factors(seed: int, calendar: Sessions, eras: tuple[int, ...]) -> CommonFactors:
    """Draw the factors for every session of the first `eras` of `calendar`."""
    shocks = Draws(seed, "factor:market", eras).student(6) * np.sqrt(4 / 6)
    turbulence = np.sqrt(_clustered_variance(shocks))
    returns = {
        name: Draws(seed, f"factor:{name}", eras).normal() * deviation * np.sqrt(turbulence)
        for name, deviation in FACTORS.items()
    }
    returns["market"] = shocks * turbulence * FACTORS["market"]
    return CommonFactors(eras, returns, turbulence, session_rhythm(calendar)[: sum(eras)])


def split_factors(days: np.ndarray, splits: tuple[SplitEvent, ...]) -> Floats:
    """Factors that turn a price in shares of `ANCHOR` into the raw price of each day (ordinals)."""
    factors = np.ones(len(days))
    for split in splits:
        ratio = 1 / split.price_factor
        if split.ex_date > ANCHOR:
            factors[days >= split.ex_date.toordinal()] /= ratio
        else:
            factors[days < split.ex_date.toordinal()] *= ratio
    return factors


def _drift(splits: tuple[SplitEvent, ...], count: int) -> float:
    """Mean log return per session: a stock that split often has risen as much, so raw prices keep their level.

    Args:
        splits: the security's.
        count: sessions of the first era, in which the splits up to `ANCHOR` lie.
    """
    return _DRIFT + sum(-log(split.price_factor) for split in splits if split.ex_date <= ANCHOR) / count


def _rounded(prices: Floats) -> Floats:
    """Prices as printed: in cents, below one dollar in hundredths of a cent."""
    return np.where(prices < 1, np.round(prices, _TENTHS_OF_CENTS), np.round(prices, _CENTS))


def draw_series(
    seed: int,
    key: str,
    traits: Traits,
    calendar: Sessions,
    factors: CommonFactors,
    splits: tuple[SplitEvent, ...] = (),
    payouts: tuple[tuple[date, float], ...] = (),
) -> DaySeries:
    """Raw bars of one security on every session of the drawn eras on which it trades, listed or not.

    Args:
        seed: of the market.
        key: of the security; names the series.
        traits: parameters of the series.
        calendar: its sessions.
        factors: what it shares with all others.
        splits: applied to prices and volumes, so that raw prices jump on the ex-date.
        payouts: (ex-date, fraction of the price) by which the open falls.
    """
    count = sum(factors.eras)
    days = calendar.ordinals[:count]
    draws = Draws(seed, f"series:{key}", factors.eras)
    own = draws.student(4) / np.sqrt(2) * traits.own_volatility * np.sqrt(factors.turbulence)
    overnight, up, down, crowd = draws.normals(4)
    trading = draws.uniform() < traits.trades_on

    returns = traits.beta * factors.returns["market"] + own + _drift(splits, factors.eras[0])
    if traits.follows != "market":
        returns = returns + factors.returns[traits.follows]
    scale = traits.own_volatility + abs(traits.beta) * FACTORS["market"]
    dropped = np.zeros(count)
    at = np.searchsorted(days, [ex_date.toordinal() for ex_date, _ in payouts])
    dropped[at[at < count]] = np.log1p([-fraction for _, fraction in payouts])[at < count]
    path = np.cumsum(returns + dropped)
    path -= path[np.searchsorted(days, ANCHOR.toordinal())]
    close = traits.price * np.exp(path)
    before = np.concatenate([close[:1], close[:-1]])
    opening = before * np.exp(dropped + 0.35 * returns + 0.25 * scale * overnight)
    reach = 0.45 * scale * np.sqrt(factors.turbulence)
    high = np.maximum(opening, close) * np.exp(np.abs(up) * reach)
    low = np.minimum(opening, close) * np.exp(-np.abs(down) * reach)

    ratio = split_factors(days, splits)
    opening, high, low, close = (_rounded(np.maximum(prices * ratio, _FLOOR)) for prices in (opening, high, low, close))
    volume = traits.daily_shares / ratio * np.exp(0.3 * crowd + 8 * np.abs(returns).clip(max=0.1) - 0.1)
    return DaySeries(
        ordinals=days[trading],
        open=opening[trading],
        high=np.maximum(high, np.maximum(opening, close))[trading],
        low=np.minimum(low, np.minimum(opening, close))[trading],
        close=close[trading],
        volume=_with_parts(np.maximum(np.round(volume * factors.crowding), 1), seed, key, days, factors.eras)[trading],
    )


def _with_parts(volume: Floats, seed: int, key: str, days: Ordinals, eras: Sequence[int]) -> Floats:
    """Whole volumes, since `PARTS_OF_SHARES_FROM` most of them less a part of a share, with six decimals."""
    draws = Draws(seed, f"parts of shares:{key}", eras)
    split_shares = (days >= PARTS_OF_SHARES_FROM.toordinal()) & (draws.uniform() >= WHOLE_VOLUMES)
    return np.where(split_shares, np.round(volume - draws.uniform().clip(1e-6, 1 - 1e-6), 6), volume)


def session_rhythm(calendar: Sessions) -> Floats:
    """Usual volume of each session as a multiple of 1: less on half days, more on the last session of a month."""
    rhythm = np.ones(len(calendar.days))
    for index, day in enumerate(calendar.days):
        if calendar.is_half_day(day):
            rhythm[index] = _HALF_DAY_VOLUME
        elif index + 1 < len(calendar.days) and calendar.days[index + 1].month != day.month:
            rhythm[index] = _MONTH_END_VOLUME
    return rhythm


def dividends_of(
    schedule: tuple[tuple[date, float], ...], series: DaySeries, calendar: Sessions, frequency: int
) -> tuple[DividendEvent, ...]:
    """Declared dividends for the payouts of a series; amounts in US dollars per share of the ex-date.

    Args:
        schedule: (ex-date, fraction of the price), the payouts that `series` was drawn with.
        series: raw bars.
        calendar: its sessions.
        frequency: payments a year.
    """
    events = []
    ex_dates = [ex_date.toordinal() for ex_date, _ in schedule]
    found = (np.searchsorted(days, ex_dates).tolist() for days in (series.ordinals, calendar.ordinals))
    for (ex_date, fraction), at, session in zip(schedule, *found, strict=True):
        if at == 0 or at >= len(series.ordinals):
            continue
        declared = calendar.days[max(session - _DECLARED_AHEAD, 0)]
        paid = calendar.days[min(session + _PAID_AFTER, len(calendar.days) - 1)]
        amount = round(float(series.close[at]) * fraction, 4)
        if amount > 0:
            events.append(DividendEvent(ex_date, declared, ex_date, paid, amount, fraction, frequency))
    return tuple(events)
