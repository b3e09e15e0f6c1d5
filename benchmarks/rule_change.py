"""How soon a change of the rules of equity types is in force: 4 processes that lease units, a change, their next units.

Each process works as a load does: it leases units from the ledger, watches the rules, and reads the retry terms of what
it was asked for. A change makes one type urgent, and its retries many. Bound: from its commit to the first unit of each
process that is asked for by the new order, and to the first that reads the new terms, less than 2 s. Then changes that
are not valid: nothing is different.
"""

import argparse
import multiprocessing as mp
import os
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import psycopg
from rich.table import Table

from benchmarks.measuring import console
from benchmarks.servers import running_servers
from tickstock_dagster.adapters.bars.filling import LEASED_PER_WORKER
from tickstock_dagster.adapters.ledger.leases import UnitQueue, holding
from tickstock_dagster.adapters.ledger.units import FinishedUnit, finish_units, record_plan
from tickstock_dagster.adapters.loading.processing import RuleWatch, read_priorities, read_retry_terms, rules_mark
from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.adapters.postgres.fingerprint import fingerprint
from tickstock_dagster.adapters.securities.equity_type_store import update_equity_types
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit

BOUND = 2.0
WORKERS = 4
ANSWER = 0.02
"""Seconds that the vendor takes to answer."""

DAY = date(2026, 11, 20)
SYMBOLS = 4_000
FILL = """
    INSERT INTO securities (security_id, composite_figi, equity_type, updated_at)
    OVERRIDING SYSTEM VALUE
    SELECT n, 'F' || n, CASE WHEN n %% 2 = 0 THEN 'CS' ELSE 'ETF' END, now() FROM generate_series(1, %(symbols)s) AS n
"""

CALM: dict[str, dict[str, Any]] = {
    "CS": {"update_frequency": "eod", "priority": "high"},
    "ETF": {"update_frequency": "eod", "priority": "low"},
}
INVALID: tuple[dict[str, dict[str, Any]], ...] = (
    {"ETF": {"priority": "urgent"}},
    {"CS": {"priority": "low"}, "ETF": {"retry_config": {"max_retries": 21}}},
    {"ETF": {"quality": {"price_move": -1}}},
    {"ETFS": {"priority": "low"}},
)

Seen = tuple[int, float, bool, int]
"""Worker, when a unit was begun (monotonic), whether it is of a fund, and the retries that its type allows."""


def units() -> list[WorkUnit]:
    """One unit for each symbol."""
    return [WorkUnit(UnitKind.RANGE, "XNYS", "bench", f"T{n}", DAY, DAY, 1) for n in range(1, SYMBOLS + 1)]


def asked(planned: Sequence[WorkUnit]) -> pl.DataFrame:
    """The cell of each unit."""
    return pl.DataFrame(
        {
            "unit_id": [unit.unit_id for unit in planned],
            "security_id": [int(unit.subject[1:]) for unit in planned],
            "session": [DAY] * len(planned),
        }
    )


def work(number: int, url: str, seen: "mp.Queue[Seen]") -> None:
    """Work through the units until there are none left, or the process is ended."""
    engine, planned = open_engine(url), units()
    watch = RuleWatch(engine, asked(planned), rules_mark(engine))
    with holding(engine, f"worker-{number}") as holder:
        for unit in UnitQueue(holder, planned, lambda: datetime.now(UTC), LEASED_PER_WORKER * 8, watch):
            begun, started = time.monotonic(), datetime.now(UTC)
            security_id = int(unit.subject[1:])
            time.sleep(ANSWER)
            [retries] = read_retry_terms(engine, [(security_id, DAY)])["max_retries"]
            with transaction(engine) as connection, connection.cursor() as cursor:
                done = FinishedUnit(unit, 1, started)
                finish_units(cursor, [done], run_id=f"worker-{number}", now=datetime.now(UTC), holder=holder.name)
            seen.put((number, begun, security_id % 2 == 1, retries))


def drained(seen: "mp.Queue[Seen]", seconds: float) -> list[Seen]:
    """What the workers report within some seconds."""
    found, until = [], time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.05))
        while not seen.empty():
            found.append(seen.get())
    return found


def one_round(url: str) -> tuple[list[float], list[float], float]:
    """Seconds to the new order and to the new terms, of each worker; and how long the change itself took."""
    engine = open_engine(url)
    update_equity_types(
        engine, {**CALM, "ETF": {**CALM["ETF"], "retry_config": {"max_retries": 3}}}, now=datetime.now(UTC)
    )
    planned = units()
    record_plan(
        engine, planned, run_id="bench", priorities=read_priorities(engine, asked(planned)), now=datetime.now(UTC)
    )
    context = mp.get_context("spawn")
    seen: mp.Queue[Seen] = context.Queue()
    workers = [context.Process(target=work, args=(number, url, seen), daemon=True) for number in range(WORKERS)]
    for worker in workers:
        worker.start()
    started: set[int] = set()
    while len(started) < WORKERS:
        for number, _, is_fund, retries in drained(seen, 0.2):
            assert (is_fund, retries) != (True, 9)
            started.add(number)
    before = drained(seen, 1.0)
    assert not any(is_fund for _, _, is_fund, _ in before), "funds come last before the change"
    began = time.monotonic()
    change: dict[str, dict[str, Any]] = {
        "CS": {"priority": "low"},
        "ETF": {"priority": "critical", "retry_config": {"max_retries": 9}},
    }
    update_equity_types(engine, change, now=datetime.now(UTC))
    committed = time.monotonic()
    after = [one for one in drained(seen, 2 * BOUND) if one[1] >= committed]
    kept = fingerprint(engine).tables
    rules = [table for table in kept if table.table in ("equity_types", "equity_type_versions", "outbox")]
    for invalid in INVALID:
        try:
            update_equity_types(engine, invalid, now=datetime.now(UTC))
            raise AssertionError(f"{invalid} was accepted")
        except BadInputError:
            pass
    assert rules == [
        t for t in fingerprint(engine).tables if t.table in ("equity_types", "equity_type_versions", "outbox")
    ]
    rest = drained(seen, 0.5)
    assert rest, "there was work left"
    odd = [one for one in rest if not (one[2] and one[3] == 9)]
    assert not odd, f"changes that are not valid change nothing: {odd[:5]}"
    for worker in workers:
        worker.terminate()
        worker.join()
    order, terms = [], []
    for number in range(WORKERS):
        own = [one for one in after if one[0] == number]
        order.append(min(begun for _, begun, is_fund, _ in own if is_fund) - committed)
        terms.append(min(begun for _, begun, _, retries in own if retries == 9) - committed)
    return order, terms, committed - began


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="changes (default 5)")
    rounds = parser.parse_args().rounds
    orders, terms, changes = [], [], []
    with running_servers() as servers:
        for _ in range(rounds):
            with servers.fresh_database() as url:
                with psycopg.connect(url, autocommit=True) as connection:
                    connection.execute(FILL.encode(), {"symbols": SYMBOLS})
                    connection.execute("VACUUM ANALYZE")
                order, term, change = one_round(url)
            orders += order
            terms += term
            changes.append(change)
    table = Table("from the commit of a change", "median s", "worst s", "bound s", title=f"{WORKERS} processes at work")
    for name, found in (("next unit in the new order", orders), ("next unit of the type reads the new terms", terms)):
        table.add_row(name, f"{statistics.median(found):.2f}", f"{max(found):.2f}", f"{BOUND}")
    console.print(table)
    console.print(f"the change itself: {statistics.median(changes) * 1000:.0f} ms; invalid ones changed nothing")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    console.print(f"{rounds} rounds; {os.cpu_count()} cores, load average at the end {load}", style="dim")
    return 0 if max(orders + terms) < BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
