"""`tickstock queue`: what waits, why it failed, and doing something about it."""

from tickstock_dagster.adapters.ledger.queue import Wanted, enqueue
from tickstock_dagster.adapters.ledger.units import FinishedUnit, finish_units
from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.core.loading.ledger import ErrorClass
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster.core.loading.queueing import QueueBounds
from tickstock_dagster_tests.cli.office import NOW, Office

APPLE, SPIDER = (
    WorkUnit(UnitKind.DETAILS, "XNYS", "simulator", ticker, NOW.date(), NOW.date()) for ticker in ("AAPL", "SPY")
)


def test_a_dead_letter_is_shown_tried_again_and_dropped(office: Office) -> None:
    assert office.tickstock("queue", "list").out == "no entry matches\n"
    engine = open_engine(office.database_url)
    wanted = [Wanted(APPLE, "CS"), Wanted(SPIDER, "ETF")]
    enqueue(engine, wanted, bounds=QueueBounds(), run_id="cli", now=NOW)
    with transaction(engine) as connection, connection.cursor() as cursor:
        end = FinishedUnit(APPLE, 0, NOW, "AAPL: no such ticker", ErrorClass.PERMANENT)
        finish_units(cursor, [end], run_id="cli", now=NOW)

    listed = office.tickstock("queue", "list", "--json").json
    assert listed["matching"] == 2
    assert [(one["symbol"], one["status"], one["urgency"]) for one in listed["entries"]] == [
        ("SPY", "pending", 10.0),
        ("AAPL", "dead", None),
    ]
    table = office.tickstock("queue", "list", "--status", "dead", "--type", "CS", "--dataset", "symbol_details").out
    assert APPLE.unit_id in table
    assert SPIDER.unit_id not in table
    assert "1 more: --count shows them" in office.tickstock("queue", "list", "--count", "1").out
    shown = office.tickstock("queue", "show", APPLE.unit_id).out
    assert "last_error       AAPL: no such ticker" in shown
    assert office.tickstock("queue", "show", APPLE.unit_id, "--json").json["error_class"] == "permanent"

    assert office.tickstock("queue", "retry", "--all", "--dataset", "symbol_details").out == "1 entry is tried again\n"
    assert office.tickstock("queue", "drop", APPLE.unit_id, "--reason", "it is a test").out == "1 entry dropped\n"
    assert office.rows("SELECT last_error FROM processing_queue WHERE status = 'cancelled'") == [
        "dropped: it is a test"
    ]


def test_entries_of_a_source_that_no_worker_asks_are_named(office: Office) -> None:
    of_vendor = WorkUnit(UnitKind.DETAILS, "XNYS", "massive", "AAPL", NOW.date(), NOW.date())
    wanted = [Wanted(of_vendor, "CS"), Wanted(SPIDER, "ETF")]
    enqueue(open_engine(office.database_url), wanted, bounds=QueueBounds(), run_id="cli", now=NOW)
    words = "1 entry is about massive, and workers ask simulator: waiting until they ask massive again, or"
    assert words in office.tickstock("queue", "list").out
    assert office.tickstock("queue", "list", "--json").json["of_other_sources"] == {"massive": 1}
    assert office.tickstock("queue", "list", "--status", "dead").out.startswith(f"no entry matches\n{words}")


def test_what_is_wrong_is_refused_by_name(office: Office) -> None:
    for words, said in (
        (("list", "--type", "etf"), "accepted: ADRC,"),
        (("list", "--dataset", "details"), "did you mean symbol_details?"),
        (("retry",), "one or more ids, or --all"),
        (("retry", "x", "--all"), "one or more ids, or --all"),
        (("retry", "x", "--dataset", "symbol_details"), "a dataset together with --all"),
        (("retry", "x"), "the id of an entry, as `tickstock queue list` shows it"),
        (("show", "x"), "the id of an entry"),
        (("drop", "x"), "Missing option '--reason'"),
        (("drop", "x", "--reason", "no"), "the id of an entry"),
    ):
        answer = office.tickstock("queue", *words)
        assert (answer.code, answer.out) == (2, ""), words
        assert said in answer.error, words
