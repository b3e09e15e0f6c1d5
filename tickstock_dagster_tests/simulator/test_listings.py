"""Ticker lists, details and renames, as of a day."""

import pytest

from tickstock_dagster.core.universes.profiles import ETFS, STOCKS
from tickstock_dagster.simulator.synthetic.funds import shipped_funds
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.simulator.asking import all_rows, ask

TICKERS = "/v3/reference/tickers"


def listed(simulator: RunningSimulator, **query: str) -> dict[str, dict[str, object]]:
    return {row["ticker"]: row for row in all_rows(simulator, TICKERS, limit=1000, **query)}


def test_the_list_of_today_has_every_profile_ticker_and_the_awkward_ones(shared: RunningSimulator) -> None:
    rows = listed(shared)
    assert set(STOCKS) | set(ETFS) <= set(rows)
    assert {"NEWC", "RUSE", "IPOX", "THIN", "BRK.A", "ABCpA", "ZVZZT", "TRUE", "NA"} <= set(rows)
    assert not {"OLDC", "FB", "GONE", "GONA"} & set(rows)
    assert all(row["active"] for row in rows.values())
    apple = rows["AAPL"]
    assert (apple["type"], apple["primary_exchange"], apple["market"], apple["locale"]) == (
        "CS",
        "XNAS",
        "stocks",
        "us",
    )
    assert len(apple["composite_figi"]) == 12
    assert len(apple["cik"]) == 10


def test_what_the_vendor_does_not_know_is_absent_rather_than_null(shared: RunningSimulator) -> None:
    blank = listed(shared)["BLNK"]
    assert not {"type", "primary_exchange", "cik", "delisted_utc"} & set(blank)
    assert "BLNK" not in listed(shared, type="CS")


@pytest.mark.parametrize(
    ("old", "new", "day_before", "day"),
    [
        ("OLDC", "NEWC", "2026-08-16", "2026-08-17"),
        ("FBXX", "FBYY", "2025-03-09", "2025-03-10"),
        ("FB", "META", "2022-06-08", "2022-06-09"),
    ],
)
def test_a_rename_changes_the_ticker_from_its_day_on_and_keeps_the_figi(
    shared: RunningSimulator, old: str, new: str, day_before: str, day: str
) -> None:
    before, after = listed(shared, date=day_before), listed(shared, date=day)
    if day == "2026-08-17":  # over the weekend before, neither is listed: the old ticker ended on Friday
        before = listed(shared, date="2026-08-14")
    elif day == "2025-03-10":
        before = listed(shared, date="2025-03-07")
    assert new not in before
    assert old not in after
    assert before[old]["composite_figi"] == after[new]["composite_figi"]


def test_renames_are_told_newest_first_by_ticker_and_by_figi(shared: RunningSimulator) -> None:
    by_ticker = ask(shared, "/vX/reference/tickers/NEWC/events").json["results"]
    by_figi = ask(shared, f"/vX/reference/tickers/{by_ticker['composite_figi']}/events").json["results"]
    assert by_ticker == by_figi
    assert by_ticker["events"] == [
        {"type": "ticker_change", "date": "2026-08-17", "ticker_change": {"ticker": "NEWC"}},
        {"type": "ticker_change", "date": "2019-03-01", "ticker_change": {"ticker": "OLDC"}},
    ]
    assert ask(shared, "/vX/reference/tickers/OLDC/events").status == 404


def test_a_ticker_that_changed_hands_is_another_security_later(shared: RunningSimulator) -> None:
    old, new = listed(shared, date="2018-05-01")["RUSE"], listed(shared)["RUSE"]
    assert old["composite_figi"] != new["composite_figi"]
    assert "RUSE" not in listed(shared, date="2022-05-02")
    fund, company = listed(shared, date="2021-12-01")["META"], listed(shared, date="2023-12-01")["META"]
    assert (fund["type"], company["type"]) == ("ETF", "CS")
    details = ask(shared, f"{TICKERS}/META", date="2021-12-01").json["results"]
    assert details["composite_figi"] == fund["composite_figi"]


def test_delisted_tickers_are_listed_apart_with_the_day_they_ended(shared: RunningSimulator) -> None:
    gone = listed(shared, active="false")
    assert {ticker: row["delisted_utc"] for ticker, row in gone.items()} == {
        "GONE": "2026-09-30T00:00:00Z",
        "GONA": "2016-04-01T04:00:00Z",
        "RUSE": "2019-07-01T04:00:00Z",
    }
    assert not any(row["active"] for row in gone.values())
    assert "GONE" in listed(shared, date="2026-09-29")
    assert "GONE" not in listed(shared, date="2026-09-30")
    assert "GONE" not in listed(shared, active="false", date="2026-09-29")
    assert ask(shared, f"{TICKERS}/GONE").status == 404
    assert ask(shared, f"{TICKERS}/GONE", date="2026-09-29").json["results"]["active"] is True


def test_a_new_listing_appears_on_its_first_day(shared: RunningSimulator) -> None:
    assert "IPOX" not in listed(shared, date="2026-10-14")
    assert "IPOX" in listed(shared, date="2026-10-15")
    assert ask(shared, f"{TICKERS}/IPOX").json["results"]["list_date"] == "2026-10-15"
    assert ask(shared, f"{TICKERS}/IPOX", date="2026-10-14").status == 404


def test_details_are_one_object_with_what_is_known(shared: RunningSimulator) -> None:
    stock = ask(shared, f"{TICKERS}/BRK.B").json["results"]
    assert (stock["ticker_root"], stock["ticker_suffix"]) == ("BRK", "B")
    assert stock["market_cap"] > 1e9
    assert stock["sic_code"].isdigit()
    fund = ask(shared, f"{TICKERS}/SPY").json["results"]
    assert "sic_code" not in fund
    assert "market_cap" not in fund


@pytest.mark.parametrize(
    ("query", "accepts"),
    [
        ({"ticker": "MSFT"}, lambda row: row["ticker"] == "MSFT"),
        ({"ticker__gte": "T", "ticker__lt": "U"}, lambda row: row["ticker"].startswith("T")),
        ({"type": "ETF"}, lambda row: row["type"] == "ETF"),
        ({"exchange": "BATS"}, lambda row: row["primary_exchange"] == "BATS"),
        ({"search": "vanguard"}, lambda row: "Vanguard" in row["name"]),
    ],
)
def test_filters_keep_what_they_name(shared: RunningSimulator, query: dict[str, str], accepts: object) -> None:
    rows = listed(shared, **query)
    assert rows
    assert all(accepts(row) for row in rows.values())
    assert not any("exchange" in row for row in rows.values())


def test_other_markets_are_empty_lists(shared: RunningSimulator) -> None:
    assert ask(shared, TICKERS, market="crypto").json["results"] == []


def test_lists_sort_both_ways_by_any_named_field(shared: RunningSimulator) -> None:
    descending = [row["ticker"] for row in all_rows(shared, TICKERS, order="desc", limit=70)]
    assert descending == sorted(descending, reverse=True)
    names = [row["name"] for row in all_rows(shared, TICKERS, sort="name", limit=70)]
    assert names == sorted(names)
    with_missing = [row.get("type") for row in all_rows(shared, TICKERS, sort="type", limit=70)]
    assert with_missing[-1] is None


def test_a_cursor_carries_every_parameter_and_a_made_up_one_is_refused(shared: RunningSimulator) -> None:
    funds = all_rows(shared, TICKERS, type="ETF", limit=7, order="desc")
    assert {row["type"] for row in funds} == {"ETF"}
    assert len(funds) == len(set(shipped_funds()) | set(ETFS) | {"METV"})
    assert ask(shared, TICKERS, cursor="bogus!").status == 400
    assert ask(shared, TICKERS, cursor="e30").status == 400


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "ten"},
        {"sort": "volume"},
        {"sort": "ticker.desc"},
        {"order": "up"},
        {"active": "maybe"},
        {"date": "2026-13-01"},
        {"date": "20261101"},
    ],
)
def test_a_wrong_parameter_is_named(shared: RunningSimulator, query: dict[str, str]) -> None:
    reply = ask(shared, TICKERS, **query)
    assert reply.status == 400
    assert reply.json["status"] == "ERROR"
    assert next(iter(query)) in reply.json["error"].lower()
