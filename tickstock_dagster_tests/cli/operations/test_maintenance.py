"""`tickstock maintenance`: what would be done, and doing it."""

from tickstock_dagster_tests.cli.office import NOW, Office

OLD = """
INSERT INTO vendor_calls (called_at, source, endpoint, rows, elapsed_ms, attempt, outcome)
SELECT %s - make_interval(days => days), 's', '/x', 1, 1, 1, 'ok' FROM unnest(ARRAY[1, 8, 200]) AS days
"""


def test_a_dry_run_shows_what_maintenance_then_does_and_a_second_time_nothing_is_left(office: Office) -> None:
    office.execute(OLD, NOW)
    office.configure(TICKSTOCK_KEEP_VENDOR_CALLS_DAYS="7")
    dry = office.tickstock("maintenance", "--dry-run")
    assert dry.code == 0, dry.err
    assert dry.out.splitlines()[0] == ("would be removed: 0 events, 0 lost entries, 0 finished units, 2 vendor calls")
    assert office.rows("SELECT count(*) FROM vendor_calls") == [3]
    assert office.rows("SELECT count(*) FROM maintenance_runs") == [0]

    done = office.tickstock("maintenance", "--json")
    assert done.code == 0, done.err
    assert (done.json["removed"]["vendor_calls"], done.json["correlation_sessions"]) == (2, 0)
    assert done.json["tables_vacuumed"] == len(done.json["tables"])
    assert done.json["tables"]["vendor_calls"]["seconds"] > 0
    assert office.rows("SELECT count(*) FROM vendor_calls") == [1]

    again = office.tickstock("maintenance")
    assert again.out.startswith("removed: 0 events, 0 lost entries, 0 finished units, 0 vendor calls\nvacuumed: ")


def test_an_age_that_would_remove_what_is_needed_is_refused_by_name(office: Office) -> None:
    office.configure(TICKSTOCK_KEEP_EVENTS_DAYS="1")
    answer = office.tickstock("maintenance", "--dry-run")
    assert (answer.code, answer.out) == (2, "")
    assert "TICKSTOCK_KEEP_EVENTS_DAYS" in answer.error
