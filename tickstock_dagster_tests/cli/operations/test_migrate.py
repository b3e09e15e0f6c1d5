"""`tickstock migrate`, alone and as part of every other command."""

from datetime import date

import psycopg

from tickstock_dagster_tests.cli.office import NOW, Office


def test_a_new_database_gets_the_schema_and_the_calendars(office: Office, database_url: str) -> None:
    office.configure(TICKSTOCK_DATABASE_URL=database_url)
    answer = office.tickstock("migrate")
    assert answer.code == 0, answer.err
    assert answer.out.startswith("Applied 0001_")
    with psycopg.connect(database_url) as connection:
        copied = connection.execute("SELECT calendar, max(session) FROM market_calendar GROUP BY 1").fetchall()
    assert {calendar for calendar, _ in copied} == {"XNYS", "XTKS", "XLON", "XETR"}
    assert all(last.year > NOW.year for _, last in copied)
    assert office.tickstock("migrate").out.endswith("is up to date.\n")
    assert office.tickstock("migrate", "--json").json["applied"] == []


def test_the_copy_ends_with_the_calendars_and_is_made_once(office: Office) -> None:
    count = "SELECT count(*) FROM market_calendar"
    until = "SELECT DISTINCT max(session)::text FROM market_calendar GROUP BY calendar"
    office.configure(TICKSTOCK_NOW="2049-06-01T12:00:00+00:00")
    assert office.tickstock("status").code == 0
    assert office.rows(until) == ["2050-12-30"], "the 31st is a Saturday"
    copied = office.rows(count)
    office.execute("DELETE FROM market_calendar WHERE session = '2020-01-02'")
    office.configure(TICKSTOCK_NOW="2050-06-01T12:00:00+00:00")
    assert office.tickstock("status").code == 0
    assert office.rows(count) != copied, "nothing is left to copy: no command looks at the days again"


def test_calendars_that_end_soon_are_copied_again_by_whatever_command_comes(office: Office) -> None:
    before = office.rows("SELECT count(*) FROM market_calendar")
    office.execute("DELETE FROM market_calendar WHERE session > %s", date(NOW.year, 12, 1))
    assert office.tickstock("status").code == 0
    assert office.rows("SELECT count(*) FROM market_calendar") == before
