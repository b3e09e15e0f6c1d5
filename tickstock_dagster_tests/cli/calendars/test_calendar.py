"""`tickstock calendar`: sessions on the exchange's clocks, overrides with their audit, and other calendars' words."""

import sys
from datetime import date

import pytest

from tickstock_dagster_tests.cli.office import Office

THANKSGIVING_WEEK = ("--from", "2026-11-25", "--to", "2026-11-30")


def days_of(office: Office, exchange: str, *options: str) -> dict[str, dict[str, object]]:
    answer = office.tickstock("calendar", "show", exchange, *options, "--json")
    assert answer.code == 0, answer.err
    return {row["day"]: row for row in answer.json["days"]}


def test_half_days_and_holidays_are_named(office: Office) -> None:
    days = days_of(office, "NASDAQ", *THANKSGIVING_WEEK)
    assert list(days) == ["2026-11-25", "2026-11-26", "2026-11-27", "2026-11-30"], "weekends are not"
    assert days["2026-11-26"]["session"] is False
    half = days["2026-11-27"]
    assert (half["early_close"], half["closes_at"]) == (True, "2026-11-27T13:00:00-05:00")
    shown = office.tickstock("calendar", "show", "NYSE", *THANKSGIVING_WEEK).out
    assert "early close" in shown
    assert "13:00" in shown


def test_days_that_the_exchange_has_not_published_are_shown_as_computed(office: Office) -> None:
    turn = ("--from", "2028-12-29", "--to", "2029-01-02")
    answer = office.tickstock("calendar", "show", "NYSE", *turn, "--json").json
    assert answer["published_until"] == "2028-12-31"
    assert answer["published_by"].startswith("NYSE Group Announces")
    assert {row["day"]: row["computed"] for row in answer["days"]} == {
        "2028-12-29": False, "2029-01-01": True, "2029-01-02": True
    }  # fmt: skip
    shown = office.tickstock("calendar", "show", "NYSE", *turn).out
    assert "closed; computed" in shown
    assert "Published by the exchange until 2028-12-31 (" in shown
    assert "computed" not in office.tickstock("calendar", "show", "NYSE", *THANKSGIVING_WEEK).out


def test_each_exchange_is_shown_on_its_own_clocks(office: Office) -> None:
    for exchange, opens in (("TSE", "09:00:00+09:00"), ("LSE", "08:00:00+00:00"), ("xetr", "09:00:00+01:00")):
        day = days_of(office, exchange, "--from", "2026-11-25", "--to", "2026-11-25")["2026-11-25"]
        assert day["opens_at"] == f"2026-11-25T{opens}"


def test_an_override_is_made_shown_compared_and_withdrawn(office: Office) -> None:
    made = office.tickstock(
        "calendar", "override", "NYSE", "2026-11-25", "--close-at", "12:30", "--reason", "a storm", "--by", "ann"
    )
    assert made.out == "XNYS 2026-11-25: 09:30–12:30; before: 09:30–16:00\n"
    day = days_of(office, "NYSE", *THANKSGIVING_WEEK)["2026-11-25"]
    assert day["closes_at"] == "2026-11-25T12:30:00-05:00"
    assert isinstance(day["override"], dict)
    assert (day["override"]["reason"], day["override"]["created_by"]) == ("a storm", "ann")
    assert "override by ann: a storm" in office.tickstock("calendar", "show", "NYSE", *THANKSGIVING_WEEK).out
    compared = office.tickstock("calendar", "diff", "NYSE", *THANKSGIVING_WEEK, "--json").json
    assert compared["witnesses"] == ["library", "in force", "exchange_calendars"]
    assert compared["differences"] == [
        {
            "day": "2026-11-25",
            "library": "09:30–16:00",
            "in force": "09:30–12:30",
            "exchange_calendars": "09:30–16:00",
        }
    ]
    gone = office.tickstock(
        "calendar", "override", "NYSE", "2026-11-25", "--withdraw", "--reason", "it passed", "--by", "bob", "--json"
    ).json
    assert (gone["before"], gone["after"], gone["changed"]) == ("09:30–12:30", "09:30–16:00", True)
    assert "withdrawn by bob" in office.tickstock("calendar", "show", "NYSE", *THANKSGIVING_WEEK).out
    assert "agree on every day" in office.tickstock("calendar", "diff", "NYSE", *THANKSGIVING_WEEK).out
    kinds = "SELECT event -> 'data' ->> 'adjustment_type' FROM outbox ORDER BY position"
    assert office.rows(kinds) == ["early_close", "withdrawn"]


def test_what_takes_tickstock_app_along_is_changed_at_once(office: Office) -> None:
    sessions = "SELECT session FROM market_calendar WHERE calendar = 'XTKS' AND session = '2026-11-25'"
    assert office.rows(sessions) == [date(2026, 11, 25)]
    closed = ("calendar", "override", "TSE", "2026-11-25", "--closed", "--reason", "an outage")
    assert office.tickstock(*closed).code == 0
    assert office.rows(sessions) == []
    assert "as before; nothing was changed" in office.tickstock(*closed).out
    assert office.rows("SELECT count(*) FROM outbox") == [1]


def test_without_the_second_library_the_comparison_says_so(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "exchange_calendars", None)
    answer = office.tickstock("calendar", "diff", "LSE", *THANKSGIVING_WEEK)
    assert "exchange_calendars is not installed" in answer.out
    assert "library, in force agree on every day" in answer.out


REFUSED = [
    (("override", "NYSE", "2026-11-25"), "one of --closed, --close-at HH:MM and --open HH:MM-HH:MM"),
    (("override", "NYSE", "2026-11-25", "--closed"), "--reason"),
    (("override", "NYSE", "2026-11-25", "--closed", "--close-at", "12:00", "--reason", "x"), "'several'"),
    (("override", "NYSE", "2026-11-25", "--close-at", "25:00", "--reason", "x"), "--close-at '25:00'"),
    (("override", "NYSE", "2026-11-25", "--close-at", "08:00", "--reason", "x"), "a close after the open"),
    (("override", "NYSE", "2026-11-26", "--closed", "--reason", "x"), "a day that is a session"),
    (("override", "NYSE", "2026-11-25", "--open", "09:30", "--reason", "x"), "HH:MM-HH:MM"),
    (("override", "NYSE", "2026-11-25", "--open", "09:30-16:00", "--reason", "x"), "not a session yet"),
    (("override", "NYSE", "25.11.2026", "--closed", "--reason", "x"), "DAY '25.11.2026'"),
    (("override", "NYSE", "2026-11-25", "--withdraw", "--reason", "x"), "none stands"),
    (("override", "NYSE", "2026-11-25", "--withdraw", "--closed", "--reason", "x"), "one of them"),
    (("override", "XTSE", "2026-11-25", "--closed", "--reason", "x"), "Toronto"),
    (("show", "NYSE", "--from", "2026-12-01", "--to", "2026-11-01"), "--from"),
    (("show", "NYSE", "--from", "1961-01-02"), "a day from 1962-01-01"),
    (("show", "NYES"), "did you mean"),
]


def test_bad_input_is_one_line_and_changes_nothing(office: Office) -> None:
    for arguments, words in REFUSED:
        answer = office.tickstock("calendar", *arguments)
        assert answer.code == 2, arguments
        assert words in answer.error, arguments
    assert office.rows("SELECT count(*) FROM market_calendar_overrides") == [0]
    assert office.rows("SELECT count(*) FROM outbox") == [0]
