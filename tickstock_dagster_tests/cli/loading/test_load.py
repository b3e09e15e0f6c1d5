"""`tickstock load`: what is tracked, what is launched, and what is refused before anything is."""

from pathlib import Path

import pytest

from tickstock_dagster.adapters.loading.tracked import tracked_tickers
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.core.universes.profiles import PROFILES, STOCKS
from tickstock_dagster_tests.cli.office import NOW, Office

pytestmark = pytest.mark.usefixtures("few_listed")

SPAN = ("--from", "2026-11-02", "--to", "2026-11-03")


TRACKING = "SELECT key, track, track_from::text FROM cache_entries WHERE track OR track_from IS NOT NULL ORDER BY 1"


@pytest.mark.whole_market
def test_everything_listed_is_tracked_where_asked_and_costs_nothing_the_second_time(office: Office) -> None:
    untracked = office.tickstock("load", "--universe", "us_listed", "--from", "2026-11-03", "--to", "2026-11-03")
    assert untracked.code == 0, untracked.err
    assert "Tracked: nothing by this load, so that no later session owes us_listed" in untracked.out
    assert "`tickstock universe track us_listed --from 2026-11-03` tracks it" in untracked.out
    assert untracked.out.splitlines()[-1] == "Owed of all that is tracked: 0 bars"
    assert office.rows(TRACKING) == []
    assert office.rows("SELECT count(*) > 150 FROM ohlcv_daily") == [True]
    first = office.tickstock("load", "--universe", "us_listed", *SPAN, "--track", "--json")
    assert first.code == 0, first.err
    (facts,) = first.json
    assert facts["bars_expected"] > 300
    assert facts["bars_missing"] == 0
    assert facts["bars_stored"] + facts["bars_explained"] == facts["bars_expected"]
    assert (facts["tracked"], facts["tracked_from"]) == ("us_listed", "2026-11-02")
    assert facts["owed"] > 1000, "the sessions since"
    members = len(tracked_tickers(open_engine(office.database_url)))
    assert members > 150
    office.calls()
    before = office.rows("SELECT value FROM cache_entries WHERE key = 'us_listed'")
    books = office.dagster_rows()
    again = office.tickstock("load", "--universe", "us_listed", *SPAN)
    assert again.code == 0
    assert office.calls() == 0
    assert office.dagster_rows() - books <= 50, "a run, ten checks and the steps that evaluated them"
    assert again.out.startswith("universe us_listed, 2026-11-02 to 2026-11-03: ")
    assert f"us_listed, {members} symbols, expected on every session from 2026-11-02 on, as before" in again.out
    assert "(tickstock status)" in again.out
    assert office.rows("SELECT value FROM cache_entries WHERE key = 'us_listed'") == before
    logged = office.rows("SELECT universe, before, after FROM sync_changes_log WHERE change = 'settings'")
    tracked = {"track": True, "track_from": "2026-11-02"}
    assert logged == [("us_listed", {"track": False, "track_from": None}, tracked)]


def test_what_a_load_asked_for_and_did_not_get_is_explained_and_not_owed_unless_tracked(office: Office) -> None:
    office.vendor.install("missing_symbols", tickers=["AAPL"])
    answer = office.tickstock("load", "--universe", "dev_top_10", "--from", "2026-11-19", "--to", "2026-11-20")
    assert office.rows("SELECT ticker, reason FROM bar_gaps GROUP BY 1, 2") == [("AAPL", "vendor_missing")]
    assert answer.code == 1
    assert "Tracked: nothing by this load" in answer.err
    tracked = office.tickstock("universe", "track", "dev_top_10", "--from", "2026-11-18", "--json").json
    assert tracked == {
        "universe": "dev_top_10", "tracked": True, "tracked_from": "2026-11-18", "members": 10, "changed": True,
        "owed": 12,
    }  # fmt: skip
    stands = office.rows("SELECT ticker, reason FROM bar_gaps GROUP BY 1, 2"), office.rows(TRACKING)
    again = office.tickstock("universe", "track", "dev_top_10")
    assert again.out.startswith("dev_top_10: tracked from 2026-11-18 on, as before, 10 members\nOwed of all that is")
    assert (office.rows("SELECT ticker, reason FROM bar_gaps GROUP BY 1, 2"), office.rows(TRACKING)) == stands
    ended = office.tickstock("universe", "untrack", "dev_top_10").out
    assert ended.splitlines() == [
        "dev_top_10: not tracked; its members, bars and gaps stay", "Owed of all that is tracked: 0 bars"
    ]  # fmt: skip
    assert office.rows(TRACKING) == [("dev_top_10", False, "2026-11-18")]
    assert office.rows("SELECT count(*) FROM ohlcv_daily WHERE ticker = 'MSFT'") == [2]
    assert office.rows("SELECT count(*) FROM outbox WHERE channel = 'tickstock.universe.updated'") == [0]
    refused = office.tickstock("load", "--symbols", "AAPL", "--track")
    assert (refused.code, "--universe or --profile with it" in refused.error) == (2, True)


@pytest.mark.whole_market
def test_the_whole_market_and_profiles_are_tracked_by_name_before_they_are_loaded(office: Office) -> None:
    profile = office.tickstock("universe", "track", "profile_ui_testing_lite")
    assert profile.out.startswith("profile_ui_testing_lite: tracked from 2026-11-20 on, 10 members\nOwed")
    listed = office.tickstock("universe", "track", "us_listed", "--json").json
    assert (listed["tracked_from"], listed["owed"] > 150) == ("2026-11-20", True)
    assert office.tickstock("universe", "untrack", "us_liste").code == 2


def test_a_universe_that_is_not_tracked_is_loaded_and_stays_untracked(office: Office) -> None:
    engine = open_engine(office.database_url)
    write_universe(engine, "mine", "list", "Mine", ["AAPL", "KO"], track_from=None, now=NOW)
    answer = office.tickstock("load", "--universe", "mine", *SPAN)
    assert answer.code == 0, answer.err
    assert "4 of 4 bars stored" in answer.out
    assert tracked_tickers(engine) == ()
    assert office.runs()[0].tags["dagster/asset_partition_range_start"] == "2026-11-02"


@pytest.mark.whole_market
def test_without_a_selection_the_configured_profile_is_loaded_and_named_in_the_run(office: Office) -> None:
    office.configure(TICKSTOCK_PROFILE="ui_testing_lite")
    answer = office.tickstock("load", *SPAN)
    assert answer.code == 0, answer.err
    assert answer.out.startswith("profile ui_testing_lite, 2026-11-02 to 2026-11-03: 20 of 20 bars stored")
    assert "Tracked: profile_ui_testing_lite, 10 symbols, expected on every session from 2026-11-02 on" in answer.out
    assert tracked_tickers(open_engine(office.database_url)) == PROFILES["ui_testing_lite"].tickers
    runs = office.runs()
    assert sorted(run.job_name for run in runs) == ["us_actions", "us_symbols"]
    for run in runs:
        assert {run.tags["tickstock/profile"], run.tags["tickstock/trigger"]} == {"ui_testing_lite", "cli"}


def test_symbols_that_lie_apart_in_the_grid_are_several_runs_and_a_failed_one_keeps_no_other_back(
    office: Office,
) -> None:
    first = office.tickstock("load", "--symbols", "AAPL,MSFT,KO", "--from", "2026-11-02", "--to", "2026-11-02")
    assert first.code == 0
    assert f"; {office.calls()} vendor calls, " in first.out, "those before the run and after it, too"
    office.vendor.install("server_error", path="*/aggs/ticker/AAPL/*")
    answer = office.tickstock("load", "--symbols", "AAPL,KO", "--from", "2026-11-03", "--to", "2026-11-03")
    assert answer.code == 1
    assert "1 of 1 bars are missing" in answer.error
    assert office.rows("SELECT ticker FROM ohlcv_daily WHERE session = '2026-11-03'") == ["KO"]


@pytest.mark.parametrize(
    ("chosen", "fault", "where"),
    [
        (("--symbols", "AAPL,MSFT"), "empty_200", {"path": "*/AAPL/range/*"}),
        (("--universe", "dev_top_10"), "missing_symbols", {"tickers": ["AAPL"]}),
    ],
    ids=["symbols", "sessions"],
)
def test_a_gap_that_is_not_due_yet_is_said_and_requested_at_once_where_asked(
    office: Office, chosen: tuple[str, str], fault: str, where: dict[str, object]
) -> None:
    office.vendor.install(fault, **where)
    arguments = ("load", *chosen, "--from", "2026-11-17", "--to", "2026-11-19")
    office.tickstock(*arguments)
    office.vendor.clear_faults()
    lacking = "SELECT count(*) FROM bar_gaps WHERE ticker = 'AAPL'"
    assert office.rows(lacking) == [3]
    again = office.tickstock(*arguments)
    assert office.rows(lacking) == [3]
    assert "None is due to be requested again yet" in again.err
    healed = office.tickstock(*arguments, "--ask-again")
    assert healed.code == 0, healed.err
    assert office.rows(lacking) == [0]


def test_a_grid_without_room_is_said_and_the_symbols_load_by_session(office: Office) -> None:
    office.configure(TICKSTOCK_SYMBOL_GRID_START="2003-09-10")  # room for 16 tickers
    symbols = ",".join(STOCKS[:17])
    answer = office.tickstock("load", "--symbols", symbols, "--from", "2026-11-02", "--to", "2026-11-02")
    assert answer.code == 0, answer.err
    assert "The symbol grid has room for " in answer.err
    assert "17 of 17 bars stored" in answer.out
    assert [run.job_name for run in office.runs()] == ["us_eod"]


def test_a_malformed_file_is_refused_before_anything_is_tracked_or_launched(office: Office, tmp_path: Path) -> None:
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(b"PAR1 and no more")
    lacking = tmp_path / "lacking.csv"
    lacking.write_text("ticker,date,open\nAAPL,2026-11-02,1\n")
    for path, words in ((cut, "a whole Parquet or CSV file"), (lacking, "column high")):
        for selection in (("--profile", "dev"), ("--symbols", "AAPL"), ("--universe", "us_listed")):
            answer = office.tickstock("load", *selection, *SPAN, "--source", f"files:{path}")
            assert answer.code == 2, answer.err
            assert path.name in answer.error
            assert words in answer.error
    assert office.untouched()


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("--symbols", "AAPL", "--from", "2001-01-04"), "--from '2001-01-04'"),
        (("--symbols", "AAPL", "--years", "40"), "--years '40'"),
        (("--universe", "nope", *SPAN), "universe 'nope'"),
    ],
)
def test_what_cannot_be_is_refused_with_nothing_half_written(
    office: Office, arguments: tuple[str, ...], field: str
) -> None:
    answer = office.tickstock("load", *arguments)
    assert answer.code == 2
    assert answer.error.startswith(f"{field} is not accepted: ")
    assert answer.out == ""
    assert office.untouched()
    assert office.calls() == 0
