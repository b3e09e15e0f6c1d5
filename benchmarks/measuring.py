"""Measuring contenders side by side: wall time and processor time, interleaved, medians.

Wall time is what people wait for, but it depends on the machine's other load. Processor time (ours plus the database
server's) hardly does, so we show both; a ratio is credible where the two agree.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.servers import Servers

console = Console(width=120)


@dataclass(frozen=True)
class Cost:
    """Seconds of wall time and of processor time, the database server's included."""

    wall: float
    cpu: float

    def times(self, factor: float) -> "Cost":
        """The cost of `factor` times the work."""
        return Cost(self.wall * factor, self.cpu * factor)


@dataclass
class Contender:
    """One way to do the work.

    Attributes:
        name: what it does, with its differences from the others.
        run: does the work on the new database at a URL; returns the cost if it has measured that itself.
        rows: how many `table` must have afterwards; not checked where `table` is None.
        every: takes part only in every n-th round (expensive rivals).
        share: part of the work that `run` does; costs are extrapolated by it, and labelled so.
    """

    name: str
    run: Callable[[str], Cost | None]
    rows: int
    table: str | None = "ohlcv_daily"
    every: int = 1
    share: float = 1.0
    costs: list[Cost] = field(default_factory=list)

    @property
    def wall(self) -> float:
        """Median seconds."""
        return statistics.median(cost.wall for cost in self.costs)

    @property
    def cpu(self) -> float:
        """Median seconds of processor time."""
        return statistics.median(cost.cpu for cost in self.costs)

    @property
    def label(self) -> str:
        """The name, and a note if the figures are extrapolated."""
        return self.name if self.share == 1.0 else f"{self.name} (EXTRAPOLATED from {self.share:.1%} of the rows)"


class Stopwatch:
    """Measures a block; has its `cost` afterwards."""

    cost: Cost


@contextmanager
def stopwatch(*others: psutil.Process) -> Iterator[Stopwatch]:
    """Measure a block: this process, and the others with all their children."""
    watch = Stopwatch()
    wall, own, theirs = time.perf_counter(), time.process_time(), _seconds_of(others)
    yield watch
    spent = time.process_time() - own + _seconds_of(others) - theirs
    watch.cost = Cost(time.perf_counter() - wall, spent)


def _seconds_of(roots: Sequence[psutil.Process]) -> float:
    """Processor time of process trees so far, with ended children (their parents add those up)."""
    total = 0.0
    for root in roots:
        for process in (root, *root.children(recursive=True)):
            try:
                spent = process.cpu_times()
            except psutil.NoSuchProcess:
                continue  # it has just ended
            total += spent.user + spent.system + spent.children_user + spent.children_system
    return total


def measured(servers: Servers, run: Callable[[], object], rounds: int) -> Cost:
    """Medians over some rounds, after one that does not count."""
    run()
    costs = []
    for _ in range(rounds):
        with stopwatch(servers.postmaster) as watch:
            run()
        costs.append(watch.cost)
    return Cost(statistics.median(cost.wall for cost in costs), statistics.median(cost.cpu for cost in costs))


def run_rounds(servers: Servers, contenders: Sequence[Contender], rounds: int) -> None:
    """Run all contenders in every round, in alternating order, each on a new database."""
    for number in range(rounds):
        taking_part = [contender for contender in contenders if number % contender.every == 0]
        for contender in taking_part if number % 2 == 0 else reversed(taking_part):
            with servers.fresh_database() as url:
                with stopwatch(servers.postmaster) as watch:
                    own = contender.run(url)
                cost = (own or watch.cost).times(1 / contender.share)
                if contender.table:
                    servers.check_count(url, contender.table, contender.rows)
            contender.costs.append(cost)
            console.print(
                f"  round {number + 1}: {contender.label}: {cost.wall:.2f} s, {cost.cpu:.2f} CPU s", style="dim"
            )


def paired_ratios(ours: Contender, others: Sequence[Contender]) -> Cost:
    """Median over the rounds of ours / other in the same round; with several others, the worst ratio for ours."""
    pairs = [list(zip(ours.costs, other.costs, strict=True)) for other in others]
    return Cost(
        max(statistics.median(a.wall / b.wall for a, b in of_other) for of_other in pairs),
        max(statistics.median(a.cpu / b.cpu for a, b in of_other) for of_other in pairs),
    )


def show(title: str, contenders: Sequence[Contender], base: Contender, rows: int) -> None:
    """Print a table of medians.

    Args:
        title: of the table.
        contenders: one row each.
        base: the contender that ratios refer to.
        rows: number of stored rows, for rows per second.
    """
    table = Table("contender", "runs", "s", "× floor", "CPU s", "CPU × floor", "rows/s", title=title)
    for name in ("runs", "s", "× floor", "CPU s", "CPU × floor", "rows/s"):
        next(column for column in table.columns if column.header == name).justify = "right"
    for contender in contenders:
        table.add_row(
            contender.label,
            str(len(contender.costs)),
            f"{contender.wall:.2f}",
            f"{contender.wall / base.wall:.2f}",
            f"{contender.cpu:.2f}",
            f"{contender.cpu / base.cpu:.2f}",
            f"{rows / contender.wall:,.0f}",
        )
    console.print(table)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    console.print(f"medians; {os.cpu_count()} cores, load average at the end {load}", style="dim")
