"""What the administrators' mails say."""

from datetime import UTC, date, datetime

from tickstock_dagster.core.operations.mails import early_close, eod_below_objective, unexpected_holiday

EARLY = date(2026, 11, 27)


def test_an_early_close_is_told_in_the_exchanges_time_and_in_utc() -> None:
    closes_at = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
    mail = early_close("XNYS", EARLY, closes_at, "America/New_York", "day after Thanksgiving")
    assert mail.subject == "[TickStock] XNYS closes early on 2026-11-27"
    assert "Friday, 2026-11-27: at 13:00 EST (2026-11-27 18:00 UTC)" in mail.body
    assert "day after Thanksgiving" in mail.body


def test_an_unexpected_holiday_says_what_is_not_done() -> None:
    mail = unexpected_holiday("XNYS", date(2025, 1, 9), "day of mourning")
    assert mail.subject == "[TickStock] XNYS is closed on 2025-01-09"
    assert "Thursday, 2025-01-09" in mail.body
    assert "Nothing is fetched" in mail.body
    assert "Reason: not given." in unexpected_holiday("XNYS", EARLY).body


def test_a_session_below_the_objective_is_told_with_its_counts_and_reasons() -> None:
    mail = eod_below_objective(
        "XNYS",
        EARLY,
        completeness=0.9,
        objective=0.95,
        due_at=datetime(2026, 11, 27, 20, 0, tzinfo=UTC),
        expected=1_010,
        stored=900,
        explained=10,
        gaps_by_reason={"no_trade": 10, "vendor_late": 100},
    )
    assert mail.subject == "[TickStock] XNYS 2026-11-27 is 90.00% complete, below 95%"
    lines = mail.body.splitlines()
    assert lines[0] == "XNYS 2026-11-27 is 90.00% complete; 95% were due by 2026-11-27 20:00 UTC."
    assert [line.split()[:2] for line in lines if line.startswith("  ")][:4] == [
        ["expected", "1,010"],
        ["stored", "900"],
        ["explained", "10"],
        ["missing", "100"],
    ]
    assert lines.index("  vendor_late          100") < lines.index("  no_trade              10")


def test_a_session_that_owes_nothing_is_not_called_complete() -> None:
    mail = eod_below_objective(
        "XTKS",
        EARLY,
        completeness=None,
        objective=0.95,
        due_at=datetime(2026, 11, 27, 8, 30, tzinfo=UTC),
        expected=0,
        stored=0,
        explained=0,
        gaps_by_reason={},
    )
    assert mail.subject == "[TickStock] XTKS 2026-11-27 is of unknown completeness, below 95%"


def test_a_reason_cannot_add_a_header() -> None:
    mail = unexpected_holiday("XNYS\nBcc: everybody@example.org", EARLY)
    assert "\n" not in mail.subject
