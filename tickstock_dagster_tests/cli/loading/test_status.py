"""`tickstock status`: coverage, and every gap with its reason."""

from datetime import date, datetime
from pathlib import Path

from tickstock_dagster.adapters.bars.load_values import LoadRequest
from tickstock_dagster.adapters.bars.loader import BarLoader
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.securities.market_store import register_listings
from tickstock_dagster.adapters.sources.market_files import MarketFileSource
from tickstock_dagster.adapters.universes.market_lists import track_market
from tickstock_dagster.core.calendars.markets import market_named
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster_tests.cli.office import NOW, Office
from tickstock_dagster_tests.defs.bars.bar_file import write_bars

WED, THU, FRI = (date(2026, 11, day) for day in (18, 19, 20))


def test_nothing_tracked_is_said_with_the_way_on(office: Office) -> None:
    answer = office.tickstock("status")
    assert answer.code == 0
    assert answer.out == "Nothing is tracked yet: `tickstock run`, or `tickstock load --profile NAME`.\n"


def test_a_gap_is_shown_with_its_session_its_reason_and_the_evidence(office: Office) -> None:
    office.vendor.install("missing_symbols", tickers=["AAPL"])
    assert (
        office.tickstock("load", "--profile", "ui_testing_lite", "--from", "2026-11-17", "--to", "2026-11-19").code == 1
    )
    document = office.tickstock("status", "--json").json
    states = {state["session"]: state for state in document["sessions"]}
    assert list(states) == ["2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20"], "from its first session on"
    assert document["expected_from"] == "2026-11-17"
    assert (states["2026-11-18"]["expected"], states["2026-11-18"]["stored"], states["2026-11-18"]["missing"]) == (
        10,
        9,
        1,
    )
    assert states["2026-11-18"]["completeness"] == 0.9
    assert document["gaps_by_reason"] == document["owed_by_reason"] == {"never_asked": 10, "vendor_missing": 3}
    assert (document["owed"], document["owed_sessions"]) == (13, 4)
    assert [gap["session"] for gap in document["newest_owed"]][9:] == [
        "2026-11-20",
        "2026-11-19",
        "2026-11-18",
        "2026-11-17",
    ]
    assert document["newest_owed"][0]["evidence"] == "never requested"
    assert document["newest_owed"][10]["evidence"].startswith("simulator")
    words = office.tickstock("status", "--sessions", "3", "--gaps", "1").out
    assert "10 tracked symbols, expected from 2026-11-17 on" in words
    assert "Without a bar: 10 never_asked, 2 vendor_missing" in words
    assert "Owed in all: 13 on 4 sessions (10 never_asked, 3 vendor_missing)" in " ".join(words.split())
    assert words.count("never_asked") == 4, (
        "twice in sums, once in the only bar that was to be listed, once for actions"
    )
    assert "Owed besides bars: actions of the session 2026-11-20 (never_asked)" in words


def test_requests_that_failed_are_said_apart_from_those_that_are_dead(office: Office) -> None:
    office.vendor.install("server_error", path="*/grouped/*/2026-11-18*")
    arguments = ("load", "--profile", "ui_testing_lite", "--from", "2026-11-17", "--to", "2026-11-19")
    assert office.tickstock(*arguments).code == 1
    answer = office.tickstock("status", "--json").json
    assert (answer["units_retrying"], answer["dead_units"]) == (1, [])
    assert "Requests that failed and that a load of their sessions makes again: 1" in office.tickstock("status").out
    office.execute(
        "UPDATE work_units SET status = 'dead', failures = 5, attempts = 5, not_before = NULL WHERE status = 'retrying'"
    )
    words = " ".join(office.tickstock("status").out.split())
    assert "Requests that are not made again by themselves: 1; the last: ohlcv_daily: grouped 2026-11-18" in words
    assert ", failed 5 times in a row: " in words
    # What is owed decides: a load asks for a dead unit again.
    office.vendor.clear_faults()
    assert office.tickstock(*arguments).code == 0
    assert office.tickstock("status", "--json").json["dead_units"] == []


def test_more_sessions_than_there_are_show_all_there_are(office: Office) -> None:
    document = office.tickstock("status", "--sessions", "1000000", "--json")
    assert document.code == 0, document.err
    assert document.json["tracked"] == 0


def test_a_number_below_one_is_refused(office: Office) -> None:
    for option in ("--sessions", "--gaps"):
        answer = office.tickstock("status", option, "0")
        assert (answer.code, f"Invalid value for '{option}': 0 is not in the range 1<=" in answer.error) == (2, True)


def test_each_universe_and_type_is_shown_with_its_own_counts(office: Office) -> None:
    office.vendor.install("missing_symbols", tickers=["AAPL"])
    load = ("load", "--profile", "ui_testing_lite", "--from", "2026-11-19", "--to", "2026-11-20")
    assert office.tickstock(*load).code == 1
    universe, *untracked = office.tickstock("status", "--by", "universe", "--json").json["groups"]
    assert {(group["name"][:4], group["tracked"]) for group in untracked} == {("dev_", False)}, "the release's lists"
    assert universe == {
        "market": "XNYS",
        "session": "2026-11-20",
        "name": "profile_ui_testing_lite",
        "tracked": True,
        "members": 10,
        "expected": 10,
        "stored": 9,
        "explained": 0,
        "missing": 1,
        "completeness": 0.9,
    }
    types = {group["name"]: group for group in office.tickstock("status", "--by", "type", "--json").json["groups"]}
    assert types["CS"]["missing"] == 1
    assert types["CS"]["update_frequency"] == "realtime"
    assert sum(group["expected"] for group in types.values()) == 10
    words = office.tickstock("status", "--by", "universe", "--sessions", "2").out
    tracked = [line for line in words.splitlines() if "profile_ui_testing_lite" in line]
    assert ["90.0%" in line for line in tracked] == [True, True]
    assert words.index("2026-11-20") < words.index("2026-11-19")
    assert office.tickstock("status", "--by", "theme").out.startswith("No theme has a member")


def test_an_unknown_grouping_is_refused(office: Office) -> None:
    answer = office.tickstock("status", "--by", "sector")
    assert answer.code == 2
    assert "universe" in answer.err


def load_tokyo(office: Office, path: Path) -> None:
    """Tokyo's bars of Wednesday and Thursday are stored, those of Friday are owed."""
    engine, market = open_engine(office.database_url), market_named("XTKS")
    source = MarketFileSource(write_bars(path / "tokyo.parquet", (WED, THU)), market)
    spans = source.spans()
    tickers = tuple(spans["ticker"])
    register_listings(engine, market, spans, now=NOW)
    track_market(engine, "XTKS", tickers, track_from=WED, reach=FRI, now=NOW)
    loader = BarLoader(LoadContext(source, engine, "XTKS", "cli", lambda: NOW), library_calendar("XTKS"))
    loader.load(LoadRequest(tickers, (WED, THU), universes=("listed_xtks",)))


def test_each_market_has_a_section_by_its_own_calendar_and_zone(office: Office, tmp_path: Path) -> None:
    assert office.tickstock("status").code == 0  # makes the schema
    load_tokyo(office, tmp_path)
    alone = office.tickstock("status", "--sessions", "3").out
    assert alone.startswith(
        "Tokyo Stock Exchange (XTKS): the latest session closed at 2026-11-20 15:30 JST (Asia/Tokyo)"
    )
    assert "3 tracked symbols, expected from 2026-11-18 on" in alone
    assert "Owed in all: 3 on 1 session (3 never_asked)" in " ".join(alone.split())
    assert "besides bars" not in alone, "a file owes no vendor's datasets"
    tokyo = office.tickstock("status", "--json", "--sessions", "3").json
    assert (tokyo["market"], tokyo["owed"], tokyo["other_markets"]) == ("XTKS", 3, [])
    office.tickstock("load", "--profile", "ui_testing_lite", "--from", "2026-11-20", "--to", "2026-11-20")
    both = office.tickstock("status", "--json", "--sessions", "3").json
    assert (both["market"], both["owed"], both["timezone"]) == ("XNYS", 0, "America/New_York")
    [other] = both["other_markets"]
    assert {state["session"]: state["stored"] for state in other["sessions"]} == {
        "2026-11-18": 3,
        "2026-11-19": 3,
        "2026-11-20": 0,
    }
    assert other["newest_owed"][0]["ticker"] == "285A.XTKS"
    words = office.tickstock("status").out
    assert words.index("New York Stock Exchange (XNYS)") < words.index("Tokyo Stock Exchange (XTKS)")


def test_a_market_is_chosen_by_its_name_and_an_unknown_one_is_refused(office: Office, tmp_path: Path) -> None:
    assert office.tickstock("status").code == 0
    load_tokyo(office, tmp_path)
    assert office.tickstock("status", "--market", "tokyo", "--json").json["tracked"] == 3
    assert office.tickstock("status", "--market", "XNYS").out.startswith("Nothing is tracked yet: `tickstock run`")
    london = office.tickstock("status", "--market", "XLON").out.splitlines()
    assert london[1] == "Nothing is tracked yet: set TICKSTOCK_FILES_XLON, and materialise xlon/session_bars."
    [universe] = office.tickstock("status", "--by", "universe", "--json").json["groups"]
    assert (universe["market"], universe["name"], universe["stored"]) == ("XTKS", "listed_xtks", 0)
    refused = office.tickstock("status", "--market", "XTSE")
    assert refused.code == 2
    assert "Toronto" in refused.error


def test_the_time_of_a_market_is_its_own(office: Office, tmp_path: Path) -> None:
    """On Monday morning in Tokyo the exchange is closed for a holiday, and New York has Sunday."""
    assert office.tickstock("status").code == 0
    load_tokyo(office, tmp_path)
    office.configure(TICKSTOCK_NOW=datetime.fromisoformat("2026-11-24T15:31:00+09:00").isoformat())
    assert office.tickstock("status", "--market", "XTKS", "--json").json["latest_closed_session"] == "2026-11-24"
    assert office.tickstock("status", "--market", "XNYS", "--json").json["latest_closed_session"] == "2026-11-23"
