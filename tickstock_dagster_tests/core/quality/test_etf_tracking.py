"""Residuals of one session: which fund is far from its reference, which is not judged, what a closed home explains."""

import os
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.fair_values import FILE
from tickstock_dagster.adapters.securities.etf_profile_store import seed_funds
from tickstock_dagster.core.actions.returns import CLOSE_SCHEMA, PAYOUT_SCHEMA
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.quality.etf_tracking import FUND_HOME_SCHEMA, WINDOW, Tracking, evaluate_tracking
from tickstock_dagster.core.quality.home_markets import home_state

XNYS = library_calendar("XNYS")
GREENERY_DAY = date(2026, 5, 4)
SESSIONS = XNYS.sessions(date(2026, 1, 2), GREENERY_DAY)[-WINDOW - 2 :]
REFERENCE, FUND = 1, 2
FUNDS = pl.DataFrame(
    [(FUND, "EWJ", "EFA", "international", None, None), (REFERENCE, "EFA", "SPY", "international", None, None)],
    schema=FUND_HOME_SCHEMA,
    orient="row",
)
NO_PAYOUTS = pl.DataFrame(schema=PAYOUT_SCHEMA)


def closes(last_fund: float, last_reference: float = 0.0, *, beta: float = 1.2) -> pl.DataFrame:
    """A fund that follows its reference with noise of 0.2 % a day; the last session's returns are given."""
    random = np.random.default_rng(7)
    reference = random.normal(0, 0.01, WINDOW + 1)
    fund = beta * reference + random.normal(0, 0.002, WINDOW + 1)
    reference[-1], fund[-1] = last_reference, last_fund
    rows = []
    for security, ticker, returns in ((REFERENCE, "EFA", reference), (FUND, "EWJ", fund)):
        prices = 100 * np.cumprod(np.concatenate(([1.0], 1 + returns)))
        rows += [(security, day, ticker, float(price)) for day, price in zip(SESSIONS, prices, strict=True)]
    return pl.DataFrame(rows, schema=CLOSE_SCHEMA, orient="row")


def judge(frame: pl.DataFrame, home: str | None = None) -> list[Tracking]:
    homes = {} if home is None else {FUND: home_state(library_calendar(home), XNYS, GREENERY_DAY)}
    return evaluate_tracking(frame, NO_PAYOUTS, FUNDS, homes, SESSIONS)


def test_a_fund_that_follows_its_reference_is_near_however_far_both_move() -> None:
    [found] = judge(closes(1.2 * 0.08, 0.08))
    assert (found.ticker, found.reference, found.far, found.excused) == ("EWJ", "EFA", False, False)
    assert found.expected == pytest.approx(0.096, abs=0.006)
    assert abs(found.sigmas) < 4


def test_a_fund_that_leaves_it_is_far_unless_only_new_york_traded() -> None:
    [found] = judge(closes(0.05))
    assert (found.far, found.excused) == (True, False)
    assert found.sigmas > 15
    [tokyo] = judge(closes(0.05), "XTKS")
    assert (tokyo.far, tokyo.excused) == (True, True)
    [frankfurt] = judge(closes(0.05), "XETR")
    assert (frankfurt.far, frankfurt.excused) == (True, False), "Xetra traded on that day"


def test_a_small_distance_of_a_close_follower_is_not_far() -> None:
    [found] = judge(closes(0.019))
    assert abs(found.sigmas) > 6
    assert not found.far


def test_without_a_whole_window_nothing_is_judged() -> None:
    frame = closes(0.05)
    assert judge(frame.filter(~((pl.col("session") == SESSIONS[30]) & (pl.col("security_id") == FUND)))) == []
    assert judge(frame.filter(pl.col("security_id") == FUND)) == []
    assert judge(frame.filter(pl.col("session") < GREENERY_DAY)) == []
    assert judge(pl.DataFrame(schema=CLOSE_SCHEMA)) == []


@pytest.mark.real_data
def test_a_wrong_close_of_a_reference_is_found_and_ordinary_sessions_are_quiet() -> None:
    """The set's SPY rises by 1.4 % on 2015-03-13, on which the index fell; its IWM is wrong on the day before."""
    bars = pl.read_parquet(Path(os.environ["TICKSTOCK_REAL_DATA"]) / FILE)
    seed = {fund.ticker: fund for fund in seed_funds()}
    ids = {ticker: number for number, ticker in enumerate(sorted(set(bars["symbol"])))}
    known = [fund for ticker, fund in seed.items() if ticker in ids]
    funds = pl.DataFrame(
        [(ids[f.ticker], f.ticker, f.correlation_reference, f.etf_type, f.name, f.underlying_index) for f in known],
        schema=FUND_HOME_SCHEMA,
        orient="row",
    )
    closes = bars.select(
        pl.col("symbol").replace_strict(ids, return_dtype=pl.Int64).alias("security_id"),
        pl.col("date").cast(pl.Date).alias("session"),
        pl.col("symbol").alias("ticker"),
        "close",
    )
    sessions = XNYS.sessions(date(2014, 11, 3), date(2015, 3, 13))
    far: dict[date, list[str]] = {}
    for place in range(len(sessions) - 10, len(sessions)):
        span = sessions[place - WINDOW - 1 : place + 1]
        found = evaluate_tracking(closes.filter(pl.col("session").is_in(span)), NO_PAYOUTS, funds, {}, span)
        assert len(found) > 150
        far[span[-1]] = [fund.reference for fund in found if fund.far]
    assert far.pop(date(2015, 3, 13)).count("SPY") >= 15
    assert set(far.pop(date(2015, 3, 12))) == {"IWM"}
    assert list(far.values()) == [[]] * 8
