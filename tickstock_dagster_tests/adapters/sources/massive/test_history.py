"""Where a key's history begins is found out by what is refused, in few calls, once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import polars as pl
import pytest

from tickstock_dagster.adapters.sources.massive.history import SLACK, KeyHistory
from tickstock_dagster.adapters.sources.protocol import OutOfHistoryError

END = date(2026, 11, 20)
START = date(2021, 11, 22)


class Vendor:
    """Refuses what begins before its edge; answers with the first and the last day."""

    def __init__(self, edge: date) -> None:
        self.edge = edge
        self.asked: list[date] = []

    def __call__(self, start: date, end: date) -> pl.DataFrame:
        self.asked.append(start)
        if start < self.edge:
            raise OutOfHistoryError("the vendor's words", status=403)
        return pl.DataFrame({"session": [start, end]})


def test_a_range_that_is_served_costs_one_call_and_shows_nothing():
    history, vendor = KeyHistory("x"), Vendor(START)
    assert history.ask(vendor, START, END)["session"][0] == START
    assert (vendor.asked, history.begins) == ([START], None)


@pytest.mark.parametrize("off", [1, 2, 3])
def test_a_day_or_two_off_costs_one_more_call(off):
    history, vendor = KeyHistory("x"), Vendor(START + timedelta(days=off))
    assert history.ask(vendor, START, END)["session"].to_list() == [START + SLACK, END]
    assert vendor.asked == [START, START + SLACK]


@pytest.mark.parametrize("edge", [date(2024, 11, 21), date(2021, 11, 26), date(2026, 11, 20), date(2026, 11, 18)])
def test_another_plans_edge_is_found_to_three_days_and_used_from_then_on(edge, caplog):
    history, vendor = KeyHistory("x"), Vendor(edge)
    first = history.ask(vendor, START, END)["session"][0]
    assert timedelta() <= first - edge <= SLACK
    assert history.begins == first
    assert len(vendor.asked) <= 14
    assert f"bars before {first} are refused" in caplog.text
    vendor.asked.clear()
    assert history.ask(vendor, START, END)["session"][0] == first
    assert history.ask(vendor, END, END)["session"][0] == END
    assert vendor.asked == [first, END]
    with pytest.raises(OutOfHistoryError, match=r"this key is served from .* MASSIVE_PLAN"):
        history.ask(vendor, START, first - timedelta(days=1))
    assert len(vendor.asked) == 2


def test_a_range_that_is_refused_to_its_end_is_told_in_the_vendors_words():
    history, vendor = KeyHistory("x"), Vendor(date(2027, 1, 1))
    with pytest.raises(OutOfHistoryError, match="the vendor's words"):
        history.ask(vendor, START, END)
    assert len(vendor.asked) == 3
    with pytest.raises(OutOfHistoryError, match="the vendor's words"):
        history.ask(vendor, END, END)
    assert len(vendor.asked) == 4
    assert history.begins is None


def test_the_edge_moves_on_with_the_days():
    history, vendor = KeyHistory("x"), Vendor(date(2024, 11, 21))
    history.ask(vendor, START, END)
    before = history.begins
    vendor.edge = before + timedelta(days=1)
    assert history.ask(vendor, START, END)["session"][0] == before + SLACK


def test_many_threads_search_once():
    history, vendor = KeyHistory("x"), Vendor(date(2024, 11, 21))
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: history.ask(vendor, START, END)["session"][0], range(40)))
    assert len(set(found)) == 1
    assert len(vendor.asked) < 14 + 8 + 40
