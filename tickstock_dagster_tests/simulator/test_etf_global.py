"""The ETF add-on: who may ask, how its lists are asked for, what a row says."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from massive import RESTClient

from tickstock_dagster.simulator.synthetic.funds import shipped_funds
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.simulator.asking import SUNDAY, all_rows, ask, day_range

PROFILES, TAXONOMIES = "/etf-global/v1/profiles", "/etf-global/v1/taxonomies"
FLOWS = "/etf-global/v1/fund-flows"


@pytest.fixture(scope="module")
def entitled() -> Iterator[RunningSimulator]:
    with RunningSimulator(now=SUNDAY, rate=(100_000, 1.0), plan="advanced", etf_facts=True) as simulator:
        yield simulator


@pytest.mark.parametrize("path", [PROFILES, TAXONOMIES, FLOWS])
def test_no_plan_includes_the_add_on(shared: RunningSimulator, path: str) -> None:
    reply = ask(shared, path)
    assert (reply.status, reply.json["status"]) == (403, "NOT_AUTHORIZED")
    assert "not entitled" in reply.json["message"]


def test_a_profile_has_dollars_and_percent_and_the_close_behind_its_size(entitled: RunningSimulator) -> None:
    (gold,) = ask(entitled, PROFILES, composite_ticker="GLD", processed_date="2026-11-20").rows
    fund = shipped_funds()["GLD"]
    assert gold["net_expenses"] == pytest.approx(fund.facts.expense_ratio * 100)
    assert (gold["issuer"], gold["category"]) == (fund.facts.issuer, fund.facts.category)
    assert (gold["listing_exchange"], gold["product_type"]) == ("NYSE Arca, Inc.", "etf")
    (bar,) = ask(entitled, day_range("GLD", "2026-11-20", "2026-11-20"), adjusted="false").rows
    shares = ask(entitled, "/v3/reference/tickers/GLD", date="2026-11-20").json["results"][
        "share_class_shares_outstanding"
    ]
    assert gold["aum"] == pytest.approx(bar["c"] * shares, rel=1e-6)


def test_asking_by_ticker_gives_its_history_and_the_newest_comes_first_on_demand(entitled: RunningSimulator) -> None:
    year = {"processed_date__gte": "2025-11-21", "composite_ticker": "BND"}
    history = all_rows(entitled, PROFILES, limit=100, **year)
    days = [row["processed_date"] for row in history]
    assert days == sorted(set(days))
    assert (len(days), days[-1]) == (251, "2026-11-20")
    newest = ask(entitled, PROFILES, sort="processed_date.desc", limit=3, **year).rows
    assert [row["processed_date"] for row in newest] == ["2026-11-20", "2026-11-19", "2026-11-18"]


@pytest.mark.parametrize("sort", ["composite_ticker.asc", "composite_ticker.desc", "processed_date.desc"])
def test_every_page_is_there_once_whatever_its_size(entitled: RunningSimulator, sort: str) -> None:
    query = {"processed_date__gte": "2026-11-18", "composite_ticker__any_of": "BND,GLD,SPY,XLK", "sort": sort}
    small, whole = (all_rows(entitled, PROFILES, limit=limit, **query) for limit in (5, 5000))
    assert small == whole
    assert len({(row["composite_ticker"], row["processed_date"]) for row in whole}) == 12
    tickers = [row["composite_ticker"] for row in whole]
    if sort.startswith("composite"):
        assert tickers == sorted(tickers, reverse=sort.endswith("desc"))


def test_some_funds_lag_and_are_asked_for_by_the_day_of_which_they_speak(entitled: RunningSimulator) -> None:
    rows = all_rows(entitled, PROFILES, limit=5000, processed_date="2026-11-20")
    late = [row for row in rows if row["effective_date"] != "2026-11-20"]
    assert {row["effective_date"] for row in late} == {"2026-11-13"}
    assert 0 < len(late) < len(rows) / 8
    fresh = all_rows(entitled, PROFILES, limit=5000, processed_date="2026-11-20", effective_date__gte="2026-11-20")
    assert len(fresh) == len(rows) - len(late)


def test_facts_come_out_with_the_bars_and_a_fund_has_none_before_its_first_day() -> None:
    noon, evening = datetime(2026, 11, 20, 17, tzinfo=UTC), datetime(2026, 11, 20, 22, tzinfo=UTC)
    query = {"composite_ticker__any_of": "SPY,XLC", "sort": "processed_date.desc", "limit": 1}
    with RunningSimulator(now=noon, rate=(1_000, 1.0), etf_facts=True) as simulator:
        assert ask(simulator, PROFILES, **query).rows[0]["processed_date"] == "2026-11-19"
        simulator.set_now(evening)
        assert ask(simulator, PROFILES, **query).rows[0]["processed_date"] == "2026-11-20"
        before = all_rows(simulator, PROFILES, processed_date="2018-01-03", limit=5000)
    assert {"SPY", "BND"} <= {row["composite_ticker"] for row in before}
    assert "XLC" not in {row["composite_ticker"] for row in before}


def test_a_net_asset_value_is_near_the_close_and_sectors_add_up(entitled: RunningSimulator) -> None:
    (flow,) = ask(entitled, FLOWS, composite_ticker="GLD", processed_date="2026-11-20").rows
    (bar,) = ask(entitled, day_range("GLD", "2026-11-20", "2026-11-20"), adjusted="false").rows
    assert bar["c"] / flow["nav"] - 1 == pytest.approx(0, abs=0.004)
    assert abs(flow["fund_flow"]) <= flow["nav"] * flow["shares_outstanding"] * 0.01
    rows = all_rows(entitled, PROFILES, limit=5000, processed_date="2026-11-20")
    allocated = [row["sector_exposure"] for row in rows if "sector_exposure" in row]
    assert 0 < len(allocated) < len(rows)
    assert all(sum(one.values()) == pytest.approx(1, abs=1e-4) for one in allocated)


def test_taxonomies_classify_without_size_and_cost(entitled: RunningSimulator) -> None:
    rows = all_rows(entitled, TAXONOMIES, processed_date="2026-11-20", limit=5000)
    assert len(rows) > 200
    assert not any({"aum", "net_expenses"} & set(row) for row in rows)
    assert {row["asset_class"] for row in rows} >= {"Equity", "Fixed Income", "Commodities"}


@pytest.mark.parametrize(
    "query", [{"limit": "5001"}, {"sort": "aum.asc"}, {"processed_date": "yesterday"}, {"cursor": "bogus!"}]
)
def test_wrong_parameters_are_refused(entitled: RunningSimulator, query: dict[str, str]) -> None:
    assert ask(entitled, PROFILES, **query).status == 400


def test_the_vendors_own_client_reads_the_rows(entitled: RunningSimulator) -> None:
    client = RESTClient("simulator", base=entitled.url)
    (profile,) = client.get_etf_global_profiles(composite_ticker="VUG", processed_date=date(2026, 11, 20))
    assert (profile.composite_ticker, profile.product_type) == ("VUG", "etf")
    assert profile.aum > 1e9


def test_an_answer_about_another_fund_can_be_had() -> None:
    with RunningSimulator(now=SUNDAY, rate=(1_000, 1.0), etf_facts=True) as simulator:
        simulator.install("other_ticker", path="/etf-global/*", answers="WRONG")
        rows = ask(simulator, PROFILES, composite_ticker="GLD", limit=2).rows
    assert [row["composite_ticker"] for row in rows] == ["WRONG", "WRONG"]
