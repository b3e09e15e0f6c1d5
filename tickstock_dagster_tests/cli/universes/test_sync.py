"""`tickstock universe sync` and `tickstock reference refresh`: what a sensor launches, by hand, and what they say."""

from tickstock_dagster.cli.universes.sync import reference_facts, reference_words
from tickstock_dagster_tests.cli.office import Office

CLASSIFIED = "SELECT count(*) FILTER (WHERE sector IS NOT NULL), count(*) FILTER (WHERE aum_usd > 0) FROM securities"


def test_a_session_is_synchronised_by_hand_as_the_sensor_does_it_and_twice_equals_once(office: Office) -> None:
    refused = office.tickstock("universe", "sync", "--details-limit", "0")
    assert refused.code == 1
    assert "nothing is tracked, so its completeness is unknown" in refused.error
    assert "tickstock universe sync --accept-incomplete" in refused.error
    assert office.tickstock("run", "--profile", "ui_testing_lite").code == 0
    answer = office.tickstock("universe", "sync", "--details-limit", "30")
    assert answer.code == 0, answer.err
    assert "For 2026-11-20: 0 calls for the ticker list (one for 1,000 securities), 30 for details" in answer.err
    head, *lines = answer.out.splitlines()
    assert head.startswith("2026-11-20: ")
    assert any(line.startswith("  top_10: 10 joined, 0 left") for line in lines), answer.out
    assert any(line.startswith("    + AAPL") for line in lines)
    assert "30 details stored" in answer.out
    assert lines[-1].startswith("Owed of all that is tracked: 0 bars")
    [(sectors, funds)] = office.rows(CLASSIFIED)
    assert (sectors > 0, funds > 50) == (True, True)
    assert office.rows("SELECT count(*) FROM work_units WHERE kind = 'sync' AND status = 'done'") == [1]
    assert "1900" not in answer.out
    written = "SELECT * FROM universe_memberships ORDER BY 1", "SELECT * FROM sync_changes_log ORDER BY 1"
    before = [office.rows(query) for query in written]
    again = office.tickstock("universe", "sync", "--session", "2026-11-20", "--details-limit", "0", "--json")
    assert (again.code, again.json["universes_changed"], again.json["changes"]) == (0, 0, [])
    assert [office.rows(query) for query in written] == before
    launched = [run for run in office.runs() if run.job_name == "universe_sync"]
    assert {run.tags["tickstock/session"] for run in launched} == {"2026-11-20"}
    for arguments, words in (
        (("--session", "2026-11-21"), "the nearest are"),
        (("--session", "2026-11-23"), "a session that has closed"),
        (("--accept-drops", "etf_grwoth"), "did you mean etf_growth?"),
    ):
        bad = office.tickstock("universe", "sync", *arguments)
        assert (bad.code, words in bad.error) == (2, True), bad.error


def test_reference_data_is_refreshed_once_and_says_its_calls_beforehand(office: Office) -> None:
    office.tickstock("migrate")
    office.calls()
    dry = office.tickstock("reference", "refresh", "--dry-run", "--details-limit", "7", "--json").json
    assert (dry["list_calls"], dry["details_due"], dry["details_calls"]) == (None, None, 7)
    assert office.calls() == 0
    assert office.rows("SELECT count(*) FROM securities") == [0]
    first = office.tickstock("reference", "refresh", "--details-limit", "7")
    assert first.code == 0, first.err
    assert "at most 7 for details (one call for each new symbol)" in first.err
    assert "7 details stored" in first.out
    assert "still due (run it again)" in first.out
    assert office.calls() > 7
    second = office.tickstock("reference", "refresh", "--details-limit", "0", "--json")
    assert (second.json["begun"], second.json["details_stored"]) == (0, 0)
    assert office.calls() <= 1, "the plan has no ETF profiles, and may have them by now"
    assert [run.job_name for run in office.runs()] == ["reference_refresh"] * 2


def test_failed_details_are_named_and_another_run_is_promised_for_the_others_alone() -> None:
    symbols = {"details_stored": 566, "details_failed": 1, "details_left": 1, "failures": "- BP.: not asked for"}
    words = reference_words(reference_facts({"reference/symbols": symbols}))
    assert "566 details stored, 1 failed (BP.: not asked for); 0 ETFs" in words
    symbols |= {"details_failed": 7, "details_left": 10, "failures": "\n".join(f"- T{n}: no" for n in range(7))}
    words = reference_words(reference_facts({"reference/symbols": symbols}))
    assert "7 failed (T0: no; T1: no; T2: no; T3: no; T4: no; and 2 more), 3 still due (run it again)" in words
