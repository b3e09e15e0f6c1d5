"""`tickstock quality`: a symbol's report, findings, decisions, and mistakes that are named."""

import pytest

from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.quality.reports import report_sessions
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster_tests.adapters.quality.test_bar_anomalies import TRACKED, Store
from tickstock_dagster_tests.adapters.store_helpers import FRI
from tickstock_dagster_tests.cli.office import NOW, Office

CALENDAR = library_calendar("XNYS")


@pytest.fixture
def reported(office: Office) -> Office:
    """On Friday SPY, PAIR and LONE lose 30 % at an ordinary volume; the report has said so."""
    Store(office.database_url, dict.fromkeys(TRACKED, 0.7))
    list(report_sessions(open_engine(office.database_url), CALENDAR, [FRI], run_id="run-1", now=NOW))
    return office


def test_a_finding_is_analysed_listed_shown_and_decided(reported: Office) -> None:
    tickstock = reported.tickstock
    said = tickstock("quality", "analyze", "LONE", "--json").json
    gap, anomaly = said["anomalies"]
    assert gap["rule"] == "open_gap"
    assert (anomaly["rule"], anomaly["verdict"], anomaly["evidence"]["close"]) == ("price_move", "suspicious", 70)
    assert (said["session"], said["reported"], said["volume_score"]) == ("2026-11-20", True, 100)
    assert said["price_score"] < 90
    assert said["recommendations"][0].startswith(
        "open_gap: suspicious (a missing spin-off or payment is suspected); ask /"
    )
    words = tickstock("quality", "analyze", "LONE").out
    assert "LONE on 2026-11-20: price" in words
    assert tickstock("quality", "analyze", "LONE", "--session", "2026-11-19", "--json").json["anomalies"] == []

    rows = tickstock("quality", "list", "--json").json
    assert {row["ticker"] for row in rows} == set(TRACKED)
    [row] = tickstock("quality", "list", "--symbol", "LONE", "--rule", "price_move", "--json").json
    shown = tickstock("quality", "show", str(row["anomaly_id"])).out
    assert "found by run-1: suspicious" in shown
    assert "would_change" in shown

    named = ("LONE", "2026-11-20", "price_move")
    done = tickstock("quality", "confirm", *named, "--reason", "a bad tick", "--by", "ada", "--json").json
    assert (done["changed"], done["bar_set_aside"]) == (True, True)
    assert tickstock("quality", "analyze", "LONE", "--json").json["missing_in_a_row"] == 1
    assert "The bar is stored again" in tickstock("quality", "release", *named, "--reason", "it was right").out
    assert "nothing was changed" in tickstock("quality", "release", *named, "--reason", "again").out
    assert tickstock("quality", "release", "LONE", "2026-11-20", "open_gap", "--reason", "it was right").code == 0
    again = tickstock("quality", "analyze", "LONE", "--json").json
    assert (again["price_score"], again["anomalies"][0]["verdict"]) == (100, "explained")
    how = [row["how"] for row in tickstock("quality", "history", "--symbol", "LONE", "--json").json]
    assert how == ["released", "released", "confirmed", "found", "found"]
    rules = {row["rule"]: row for row in tickstock("quality", "rules", "--json").json}
    assert (rules["price_move"]["released"], rules["price_move"]["share"]) == (1, 0)
    assert "bar_order" in rules
    assert "price_move" in tickstock("quality", "rules").out


def test_a_range_of_findings_is_decided_with_one_command(reported: Office) -> None:
    tickstock = reported.tickstock
    asked = ("--symbol", "LONE", "--rule", "price_move", "--since", "2026-11-02", "--until", "2026-11-30")
    reason = ("--reason", "a new unit", "--by", "ada")
    done = tickstock("quality", "confirm", *asked, *reason, "--json").json
    assert (done["changed"], done["bars_set_aside"]) == (True, 1)
    assert done["findings"] == [{"symbol": "LONE", "session": "2026-11-20", "rule": "price_move"}]
    assert "The bar is stored again" in tickstock("quality", "release", *asked[:-2], *reason).out
    assert "nothing was changed" in tickstock("quality", "release", *asked, *reason).out
    for arguments, words in (
        (("--symbol", "LONE", "--rule", "price_move"), "--since '' is not accepted"),
        (("1", *asked), "one finding, or a range without one: not with --symbol"),
        ((*asked[:4], "--since", "2026-11-21"), "findings 'LONE price_move from 2026-11-21' is not accepted"),
        ((*asked[:4], "--since", "2026-11-21", "--until", "2026-11-20"), "until '2026-11-20' is not accepted"),
        ((*asked[:2], "--rule", "no_such", *asked[4:]), "rule 'no_such' is not accepted"),
        ((*asked[:4], "--since", "yesterday"), "--since 'yesterday' is not accepted"),
    ):
        answer = tickstock("quality", "release", *arguments, *reason)
        assert (answer.code, words in answer.error) == (2, True), answer.error


def test_nothing_is_said_of_a_session_of_which_there_is_nothing(reported: Office) -> None:
    answer = reported.tickstock("quality", "analyze", "LONE", "--session", "2026-03-02")
    assert answer.code == 2
    assert "a session of which a bar of LONE is stored or owed" in answer.error


def test_mistakes_name_the_field_the_value_and_what_is_accepted(office: Office) -> None:
    for arguments, words in (
        (("analyze", "NOBODY"), "ticker 'NOBODY' is not accepted"),
        (("analyze", "NOBODY", "--session", "2026-11-21"), "--session '2026-11-21' is not accepted"),
        (("list", "--rule", "no_such"), "rule 'no_such' is not accepted"),
        (("show", "17"), "finding '17' is not accepted"),
        (("show", "A", "B"), "its number, or TICKER SESSION RULE"),
        (("show",), "Missing argument 'NUMBER | TICKER SESSION RULE'"),
        (("release", "17", "--reason", "why"), "finding '17' is not accepted"),
        (("confirm", "17"), "--reason"),
    ):
        answer = office.tickstock("quality", *arguments)
        assert answer.code == 2, arguments
        assert words in answer.error
    assert office.tickstock("quality", "list").out == "No such finding\n"
    assert office.tickstock("quality", "history").out == "No verdict was given yet\n"
