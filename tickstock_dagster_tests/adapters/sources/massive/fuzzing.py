"""Damaged answers by seed against the real client: `make fuzz`.

Counts what must not happen: an exception that is not the source's own, a good row that is lost, a call over its
deadline, a request to another host, and the memory of the whole.
"""

import argparse
import logging
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import polars as pl

from tickstock_dagster.adapters.sources.massive import etf_profiles
from tickstock_dagster.adapters.sources.massive.source import MassiveSource
from tickstock_dagster.adapters.sources.protocol import VendorError
from tickstock_dagster.adapters.sources.rate_limit import LocalRateLimiter
from tickstock_dagster.adapters.sources.retry import RetryPolicy
from tickstock_dagster.core.bars.daily_bars import validate_bars
from tickstock_dagster.core.loading.vendor_plans import vendor_plan
from tickstock_dagster_tests.adapters.sources.massive.fuzzed_answers import DAYS, MON, TICKERS, Case, case
from tickstock_dagster_tests.adapters.sources.raw_vendor import RawVendor, raw_vendor, sends, whole

END = date(2026, 2, 28)
ATTEMPT_SECONDS = 0.5
SLACK_SECONDS = 2.0
"""Reading 16 MiB takes a while on a busy machine; a drip would take 20 seconds and more."""

ONCE = RetryPolicy(attempts=1, first_wait=0.001, longest_wait=0.002, jitter=0.001, rate_window=0.001)
WIDE = replace(vendor_plan("business"), calls=100_000)
MEMORY_MB = 500


@dataclass
class Figures:
    """What happened: outcomes by kind of damage, and everything that must not happen, in words."""

    answers: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    longest: float = 0.0
    elsewhere: int = 0

    def memory_mb(self) -> float:
        """The most that this process has held."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class _Collected(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage() if record.exc_info is None else "Traceback")


@contextmanager
def _collected() -> Iterator[_Collected]:
    handler, root = _Collected(), logging.getLogger("tickstock_dagster")
    before = root.propagate
    root.addHandler(handler)
    root.propagate = False
    try:
        yield handler
    finally:
        root.removeHandler(handler)
        root.propagate = before


def ask(source: MassiveSource, name: str) -> pl.DataFrame:
    """The question that an endpoint answers."""
    http = source._http
    questions: dict[str, Any] = {
        "range": lambda: source.range_bars("ABCD", MON, END),
        "grouped": lambda: source.grouped_bars(MON),
        "listings": source.listings,
        "splits": lambda: source.splits(MON, END),
        "dividends": lambda: source.dividends(MON, END),
        "profiles": lambda: etf_profiles._profiles_of(http, MON),
        "values": lambda: source.fair_values(TICKERS),
    }
    found: pl.DataFrame = questions[name]()
    return found


def survivors(name: str, frame: pl.DataFrame) -> set[Any]:
    """The keys of the rows that can be used."""
    if name == "range":
        first = 1767589200000
        return {first + (day - MON).days * 86_400_000 for day in validate_bars(frame).good["session"]}
    if name == "grouped":
        return set(validate_bars(frame).good["ticker"])
    if name == "splits":
        frame = frame.filter(pl.col("split_to") == 2, pl.col("split_from") == 1, pl.col("ex_date") == MON)
    if name == "dividends":
        frame = frame.filter(pl.col("cash_amount") == 0.25, pl.col("ex_date") == MON)
    if name == "profiles":
        frame = frame.filter(pl.col("aum_usd") == 1e9, pl.col("refused").is_null())
    if name == "values":
        frame = frame.filter(pl.col("fmv") == 10.5)
    return set(frame["ticker"])


def run(seed: int, answers: int, first: int = 0) -> Figures:
    """Ask for so many damaged answers of a seed, and count."""
    figures = Figures()
    assert MON + timedelta(days=DAYS[-1]) <= END
    with raw_vendor(sends(whole(b"{}"))) as elsewhere, raw_vendor(sends(b"")) as vendor, _collected() as said:
        source = MassiveSource(
            "key", vendor.url, WIDE, LocalRateLimiter(WIDE), policy=ONCE, attempt_seconds=ATTEMPT_SECONDS
        )
        for number in range(first, first + answers):
            _judge(figures, case(seed, number, elsewhere.url), vendor, source)
        source.close()
        figures.elsewhere = len(elsewhere.requests)
        figures.wrong += [
            f"a log line that is not printable: {line!a}" for line in said.lines if not line.isprintable()
        ]
        figures.wrong += ["a traceback in the log" for line in said.lines if "Traceback" in line]
    if figures.elsewhere:
        figures.wrong.append(f"{figures.elsewhere} requests to another host")
    return figures


def _judge(figures: Figures, given: Case, vendor: RawVendor, source: MassiveSource) -> None:
    vendor.answers = [given.answer]
    vendor.requests.clear()
    source.close()  # a connection that the server closed unasked would cost the next answer, which has one attempt
    about = f"{given.number} ({given.kind}, {given.endpoint.name})"
    begun = time.monotonic()
    try:
        frame = ask(source, given.endpoint.name)
    except VendorError as error:
        outcome = type(error).__name__
        if given.survivors is not None:
            figures.wrong.append(f"{about}: all rows lost: {error}")
        if not str(error).isprintable() or len(str(error)) > 1000:
            figures.wrong.append(f"{about}: words that cannot be shown: {str(error)[:1000]!a}")
    except Exception as error:  # noqa: BLE001 - what must not happen
        outcome = "TRACEBACK"
        figures.wrong.append(f"{about}: {type(error).__name__}: {error}")
    else:
        outcome = "read"
        if given.survivors is not None and (lost := given.survivors - survivors(given.endpoint.name, frame)):
            figures.wrong.append(f"{about}: {len(lost)} good rows lost: {sorted(lost)[:3]}")
    took = time.monotonic() - begun
    calls = max(len(vendor.requests), 1)
    figures.longest = max(figures.longest, took / calls)
    if took > calls * ATTEMPT_SECONDS + SLACK_SECONDS:
        figures.wrong.append(f"{about}: {took:.1f} s for {calls} calls")
    if outcome not in ("read", "TRACEBACK") and not source.drain_calls():
        figures.wrong.append(f"{about}: no call on record")
    figures.answers += 1
    figures.outcomes[given.kind, outcome] += 1


def main() -> int:
    """Run by the command line's seed and number; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--answers", type=int, default=3000)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    begun = time.monotonic()
    figures = run(options.seed, options.answers, options.first)
    if figures.memory_mb() > MEMORY_MB:
        figures.wrong.append(f"{figures.memory_mb():.0f} MB")
    for (kind, outcome), number in sorted(figures.outcomes.items()):
        print(f"{kind:15} {outcome:25} {number:6}")
    print(
        f"seed {options.seed}: {figures.answers} answers in {time.monotonic() - begun:.0f} s; longest call "
        f"{figures.longest:.2f} s; {figures.memory_mb():.0f} MB; requests elsewhere: {figures.elsewhere}; "
        f"wrong: {len(figures.wrong)}"
    )
    print("\n".join(figures.wrong[:50]))
    return 1 if figures.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
