"""What a Dagster run of the project needs, in a temporary folder: instance, daemon, vendor, tracked tickers.

The instance is the project's own `dagster.yaml` on PostgreSQL storage, with both switches; the vendor is the simulator
in a process of its own, serving the benchmark's rows.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import psutil

from benchmarks.market_rows import FIRST, MarketRows
from benchmarks.servers import Servers
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.services.local import process_environment
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.settings import PROJECT_ROOT, load_settings

MODULE = "tickstock_dagster.definitions"
PLAN = "advanced"
READY_SECONDS = 90.0


@contextmanager
def simulator(rows: MarketRows | None, folder: Path) -> Iterator[str]:
    """A simulator that serves the rows, or its own market without any; yields its address."""
    path = folder / "bars.parquet"
    if rows is not None:
        rows.frame.select("ticker", "session", "open", "high", "low", "close", "volume").write_parquet(path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tickstock_dagster.simulator", "--port", str(port), "--plan", PLAN]
    served = ["--bars", str(path)] if rows is not None else []
    with _process([*command, *served], folder / "simulator.log"):
        url = f"http://127.0.0.1:{port}"
        _wait_for(lambda: urllib.request.urlopen(f"{url}/health", timeout=1).status == 200, "the simulator")  # noqa: S310
        yield url


@contextmanager
def environment(servers: Servers, database_url: str, vendor_url: str) -> Iterator[None]:
    """Set the environment that `tickstock` gives Dagster processes, for our warehouse and vendor."""
    home = servers.folder / "home"
    home.mkdir(exist_ok=True)
    shutil.copy(PROJECT_ROOT / "dagster.yaml", home)
    before = dict(os.environ)
    os.environ |= {"TICKSTOCK_STATE_DIR": str(servers.folder / "state"), "MASSIVE_PLAN": PLAN}
    os.environ |= {"TICKSTOCK_SYMBOL_GRID_START": str(FIRST), "MASSIVE_API_KEY": "simulator"}
    load_settings.cache_clear()
    os.environ |= process_environment(servers.addresses, load_settings())
    os.environ |= {"TICKSTOCK_DATABASE_URL": database_url, "MASSIVE_BASE_URL": vendor_url, "DAGSTER_HOME": str(home)}
    load_settings.cache_clear()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before
        load_settings.cache_clear()


def track(database_url: str, rows: MarketRows, first: date = FIRST) -> None:
    """Make the rows' tickers a tracked universe, so that their bars are expected from a day on."""
    write_universe(
        open_engine(database_url), "bench", "list", "Benchmark", rows.tickers, track_from=first, now=datetime.now(UTC)
    )


@contextmanager
def daemon(instance: dg.DagsterInstance, folder: Path) -> Iterator[psutil.Process]:
    """A running Dagster daemon with its code server; they launch queued runs, each in a process of its own."""
    command = [str(Path(sys.executable).with_name("dagster-daemon")), "run", "-m", MODULE]
    with _process(command, folder / "daemon.log") as process:
        _wait_for(lambda: instance.get_daemon_statuses()["QUEUED_RUN_COORDINATOR"].healthy is True, "the daemon")
        yield psutil.Process(process.pid)


@contextmanager
def _process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A child process in its log's folder, so that no `.env` of a checkout is read; ended with its own children."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=log.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A Python process started in the background inherits ignored signals; SIGINT could not end the daemon.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)


def _wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            if condition():
                return
        except (OSError, KeyError):
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} is not ready after {READY_SECONDS:.0f} s")
        time.sleep(0.2)
