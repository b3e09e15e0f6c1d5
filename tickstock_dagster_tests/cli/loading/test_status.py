"""`tickstock status`: coverage, and every gap with its reason."""

from tickstock_dagster_tests.cli.office import Office


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
    assert document["newest_owed"][0]["evidence"] == "no load has asked for it"
    assert document["newest_owed"][10]["evidence"].startswith("simulator")
    words = office.tickstock("status", "--sessions", "3", "--gaps", "1").out
    assert "10 tracked symbols, expected from 2026-11-17 on" in words
    assert "Without a bar: 10 never_asked, 2 vendor_missing" in words
    assert "Owed in all: 13 on 4 sessions (10 never_asked, 3 vendor_missing)" in " ".join(words.split())
    assert words.count("never_asked") == 4, (
        "twice in sums, once in the only bar that was to be listed, once for actions"
    )
    assert "Owed of actions: the session 2026-11-20 (never_asked)" in words


def test_more_sessions_than_there_are_show_all_there_are(office: Office) -> None:
    document = office.tickstock("status", "--sessions", "1000000", "--json")
    assert document.code == 0, document.err
    assert document.json["tracked"] == 0


def test_a_number_below_one_is_refused(office: Office) -> None:
    for option in ("--sessions", "--gaps"):
        answer = office.tickstock("status", option, "0")
        assert (answer.code, answer.error) == (2, f"{option} '0' is not accepted: a number from 1")


def test_each_universe_and_type_is_shown_with_its_own_counts(office: Office) -> None:
    office.vendor.install("missing_symbols", tickers=["AAPL"])
    load = ("load", "--profile", "ui_testing_lite", "--from", "2026-11-19", "--to", "2026-11-20")
    assert office.tickstock(*load).code == 1
    [universe] = office.tickstock("status", "--by", "universe", "--json").json["groups"]
    assert universe == {
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
    assert words.count("profile_ui_testing_lite") == words.count("90.0%") == 2
    assert words.index("2026-11-20") < words.index("2026-11-19")
    assert office.tickstock("status", "--by", "theme").out.startswith("No theme has a member")


def test_an_unknown_grouping_is_refused(office: Office) -> None:
    answer = office.tickstock("status", "--by", "sector")
    assert answer.code == 2
    assert "universe" in answer.err
