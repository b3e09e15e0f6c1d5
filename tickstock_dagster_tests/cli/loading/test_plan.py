"""`tickstock plan`: what a load would cost, without loading, tracking or launching anything."""

from types import SimpleNamespace

import pytest

from tickstock_dagster_tests.cli.office import Office

TRACES = ("ohlcv_daily", "bar_gaps", "cache_entries WHERE track", "outbox")


def traces(office: Office) -> list[int]:
    return [office.rows(f"SELECT count(*) FROM {table}")[0] for table in TRACES]  # noqa: S608


def test_a_plan_tracks_nothing_and_launches_nothing(office: Office) -> None:
    for selection in (("--profile", "etf_analysis"), ("--universe", "us_listed", "--from", "2026-11-02"), ()):
        answer = office.tickstock("plan", *selection)
        assert answer.code == 0, answer.err
    assert traces(office) == [0, 0, 0, 0]
    assert office.rows("SELECT count(*) FROM work_units WHERE kind <> 'listings'") == [0]
    assert office.runs() == []
    assert not [path for path in office.vendor.stats()["by_endpoint"] if "/aggs/" in path]


def test_a_plans_reach_and_rate_are_counted(office: Office) -> None:
    office.configure(MASSIVE_PLAN="free", MASSIVE_CALLS_PER_SECOND="")
    answer = office.tickstock("plan", "--profile", "dev", "--years", "4", "--json")
    assert answer.code == 0, answer.err
    facts = answer.json
    assert facts["plan"] == "free"
    assert facts["rate"] == "5 per 60 s"
    assert facts["calls"] == facts["range_calls"] == facts["symbols"] == 15
    assert facts["identity_calls"] == 15
    assert facts["minutes_at_least"] == 5.0, "30 calls at 5 a minute"
    assert facts["missing_bars"] + facts["out_of_history"] > 14_000
    assert 0.4 < facts["out_of_history"] / facts["missing_bars"] < 2
    words = office.tickstock("plan", "--profile", "dev", "--years", "4").out
    assert "(older than the plan reaches; not requested)" in words
    assert "at 5 per 60 s (free plan)" in words


def test_a_plan_fetches_two_lists_and_counts_what_a_load_would_ask_besides(office: Office) -> None:
    asked = {"/v3/reference/tickers": 2}
    facts = office.tickstock("plan", "--universe", "us_listed", "--years", "2", "--json").json
    assert office.vendor.stats()["by_endpoint"] == asked
    assert facts["calls"] > facts["symbols"] > 400, "two renamed securities are asked for under both tickers"
    most = facts["listing_calls_at_most"]
    words = office.tickstock("plan", "--universe", "us_listed", "--years", "2").out
    assert f"≤ {most:,}" in words
    assert office.calls() == 4, "nothing of the first plan was kept"


def test_a_wait_for_the_rate_limit_is_said(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("tickstock_dagster.cli.workspace.time", SimpleNamespace(sleep=waited.append))
    office.configure(MASSIVE_PLAN="free", MASSIVE_CALLS_PER_SECOND="")
    answers = [office.tickstock("plan", "--symbols", "AAPL", "--from", "2026-11-02") for _ in range(6)]
    assert [answer.code for answer in answers] == [0] * 6
    assert waited
    assert all("Waiting" not in answer.err for answer in answers[:2])
    assert f"Waiting {waited[-1]:.0f} s for the vendor's rate limit" in answers[-1].err


def test_a_file_has_no_rate_and_no_price(office: Office, tmp_path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text("ticker,date,open,high,low,close,volume\nAAPL,2026-11-02,10,11,9,10,1000\n")
    answer = office.tickstock("plan", "--symbols", "AAPL", "--from", "2026-11-02", "--source", f"files:{path}")
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[0].startswith("1 symbol, 2026-11-02 to 2026-11-20, from bars.csv (files:")
    assert "without a rate limit" in answer.out
    assert "price" not in answer.out


def test_the_variable_of_the_keys_plan_is_named_beside_the_time(office: Office) -> None:
    words = office.tickstock("plan", "--symbols", "AAPL", "--from", "2026-11-02").out
    assert "if the key is on another plan than advanced, set MASSIVE_PLAN" in words


def test_the_details_of_the_symbol_master_are_forecast_and_not_asked_for(office: Office) -> None:
    facts = office.tickstock("plan", "--details", "--json").json
    assert facts["due"] > 100
    assert 0 < facts["calls"] <= facts["due"]
    paths = office.rows("SELECT DISTINCT endpoint FROM vendor_calls")
    assert all(not path.startswith("/v3/reference/tickers/") for path in paths)
    assert f"{facts['due']:,}" in office.tickstock("plan", "--details").out
