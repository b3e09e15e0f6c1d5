"""Offerings, filings and news: what tells of companies to come, as of the vendor's day, with its filters."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from tickstock_dagster.simulator.market.codes import isin_of, us_code_of
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.simulator.asking import SUNDAY, all_rows, ask
from tickstock_dagster_tests.simulator.conftest import PLENTY

IPOS, OLD_IPOS = "/v1/reference/ipos", "/vX/reference/ipos"
FILINGS, NEWS = "/stocks/filings/vX/index", "/v2/reference/news"
REQUIRED = {"last_updated", "issuer_name", "security_type", "ipo_status", "ticker"}
STATES = {"rumor", "pending", "new", "history", "postponed", "withdrawn", "direct_listing_process"}


@pytest.mark.parametrize(
    ("day", "state"),
    [
        ("2026-06-01", None),
        ("2026-08-20", "rumor"),
        ("2026-10-01", "pending"),
        ("2026-10-14", "pending"),
        ("2026-10-15", "new"),
        ("2026-10-16", "history"),
    ],
)
def test_a_listing_is_announced_new_on_its_first_day_and_history_after_it(
    own: RunningSimulator, day: str, state: str | None
) -> None:
    own.set_now(datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC))
    rows = ask(own, IPOS, ticker="IPOX").rows
    assert [row["ipo_status"] for row in rows] == ([state] if state else [])
    for row in rows:
        assert ("final_issue_price" in row) == (state in ("new", "history"))
        assert row.get("listing_date") == (None if state == "rumor" else "2026-10-15")
        assert row["last_updated"] <= day
    prospectuses = ask(own, FILINGS, cik="0009900007", form_type__any_of="S-1,424B4", sort="filing_date.asc").rows
    filed = {None: 0, "rumor": 0, "pending": 1}.get(state, 2)
    assert [row["form_type"] for row in prospectuses] == ["S-1", "424B4"][:filed]
    assert ["ticker" in row for row in prospectuses] == [False, True][: len(prospectuses)]


def test_offerings_have_the_fields_and_states_of_the_spec_and_both_paths_say_the_same(
    shared: RunningSimulator,
) -> None:
    rows = all_rows(shared, IPOS, limit=100)
    assert len(rows) > 300
    assert {row["ipo_status"] for row in rows} <= STATES
    assert {"rumor", "pending", "history", "postponed", "withdrawn"} <= {row["ipo_status"] for row in rows}
    assert all(row.keys() >= REQUIRED for row in rows)
    dated = [row["listing_date"] for row in rows if "listing_date" in row]
    assert dated == sorted(dated, reverse=True)
    assert "listing_date" in rows[0], "rows without the sorted field come last"
    priced = [row for row in rows if "final_issue_price" in row]
    assert all(
        row["lowest_offer_price"] <= row["final_issue_price"] <= row["highest_offer_price"]
        and row["min_shares_offered"] <= row["max_shares_offered"] <= row["shares_outstanding"]
        for row in priced
        if row["shares_outstanding"] > 10_000
    )
    old = all_rows(shared, OLD_IPOS, limit=1000)
    plain = [{name: row[name] for name in row if not name.startswith("issue_")} for row in old]
    assert sorted(map(str, plain)) == sorted(map(str, rows))
    assert any("issue_start_date" in row for row in old)


@pytest.mark.parametrize(
    ("path", "query", "holds"),
    [
        (OLD_IPOS, {"ipo_status": "withdrawn", "sort": "ticker", "order": "asc"}, "withdrawn"),
        (IPOS, {"ipo_status.any_of": "withdrawn", "sort": "ticker.asc"}, "withdrawn"),
        (OLD_IPOS, {"ipo_status": "history", "sort": "ticker", "order": "asc"}, "history"),
    ],
)
def test_offerings_are_filtered_and_sorted(
    shared: RunningSimulator, path: str, query: dict[str, str], holds: str
) -> None:
    rows = all_rows(shared, path, limit=50, **query)
    assert rows
    assert {row["ipo_status"] for row in rows} == {holds}
    assert all(one["ticker"] <= other["ticker"] for one, other in pairwise(rows))


def test_one_seed_has_one_set_of_offerings_filings_and_news(shared: RunningSimulator) -> None:
    with (
        RunningSimulator(now=SUNDAY, rate=PLENTY, plan="advanced") as same,
        RunningSimulator(now=SUNDAY, rate=PLENTY, plan="advanced", seed=8) as other,
    ):
        for path in (IPOS, FILINGS, NEWS):
            here, there, elsewhere = (ask(one, path, limit=50).rows for one in (shared, same, other))
            assert here == there
            assert here != elsewhere


def test_reports_are_filed_by_season_with_the_ticker_of_the_day(shared: RunningSimulator) -> None:
    rows = all_rows(shared, FILINGS, ticker="AAPL", limit=3)
    assert {row["form_type"] for row in rows} == {"8-K", "10-K", "10-Q"}
    assert all(len(row["cik"]) == 10 for row in rows)
    assert [row["filing_date"] for row in rows] == sorted((row["filing_date"] for row in rows), reverse=True)
    assert ask(shared, FILINGS, ticker="OLDC").rows
    span = ask(shared, FILINGS, filing_date__gte="2026-11-01", filing_date__lt="2026-11-08").rows
    assert span
    assert all("2026-11-01" <= row["filing_date"] < "2026-11-08" for row in span)


def test_news_are_of_the_asked_tickers_and_times_and_none_is_of_later_than_now(shared: RunningSimulator) -> None:
    rows = all_rows(shared, NEWS, ticker="AAPL", limit=5)
    assert rows
    assert all("AAPL" in row["tickers"] for row in rows)
    span = all_rows(
        shared, NEWS, published_utc__gte="2026-11-18", published_utc__lt="2026-11-19T12:00:00Z", order="asc", limit=3
    )
    assert span
    assert all("2026-11-18" <= row["published_utc"] < "2026-11-19T12:00:00Z" for row in span)
    assert [row["published_utc"] for row in span] == sorted(row["published_utc"] for row in span)
    newest = ask(shared, NEWS).rows[0]["published_utc"]
    assert "2026-11-21" < newest <= "2026-11-22T15:00:00Z"
    assert ask(shared, NEWS, published_utc="yesterday").status == 400


@pytest.mark.parametrize("path", [IPOS, OLD_IPOS, FILINGS, NEWS])
def test_faults_strike_them_like_any_other_path(own: RunningSimulator, path: str) -> None:
    own.install("server_error", path=path, status=503, times=1)
    assert ask(own, path).status == 503
    own.install("empty_200", path=path, times=1)
    assert not ask(own, path).json.get("results")
    assert ask(own, path).rows


def test_codes_have_their_check_digits() -> None:
    for key in ("one", "two", "three"):
        code, isin = us_code_of(key), isin_of(key)
        assert (len(code), isin[:11]) == (9, f"US{code}")
        digits = "".join(str(int(letter, 36)) for letter in isin)
        doubled = "".join(str(int(digit) * (1 + place % 2)) for place, digit in enumerate(reversed(digits)))
        assert sum(map(int, doubled)) % 10 == 0
