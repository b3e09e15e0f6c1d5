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
    assert len(states) == 20
    assert (states["2026-11-18"]["expected"], states["2026-11-18"]["stored"], states["2026-11-18"]["missing"]) == (
        10,
        9,
        1,
    )
    assert states["2026-11-18"]["completeness"] == 0.9
    assert document["gaps_by_reason"] == {"vendor_missing": 3}
    assert document["open_gaps"] == 3
    assert [gap["session"] for gap in document["newest_open_gaps"]] == ["2026-11-19", "2026-11-18", "2026-11-17"]
    assert document["newest_open_gaps"][0]["evidence"].startswith("simulator")
    words = office.tickstock("status", "--sessions", "3", "--gaps", "1").out
    assert "10 tracked symbols" in words
    assert "Gaps in these sessions: " in words
    assert "Open gaps: 3" in words
    assert words.count("vendor_missing") == 2, "once in the sum, once in the only gap that was asked for"


def test_more_sessions_than_there_are_show_all_there_are(office: Office) -> None:
    document = office.tickstock("status", "--sessions", "1000000", "--json")
    assert document.code == 0, document.err
    assert document.json["tracked"] == 0


def test_a_number_below_one_is_refused(office: Office) -> None:
    for option in ("--sessions", "--gaps"):
        answer = office.tickstock("status", option, "0")
        assert (answer.code, answer.error) == (2, f"{option} '0' is not accepted: a number from 1")
