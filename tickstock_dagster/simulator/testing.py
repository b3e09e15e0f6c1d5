"""A simulator inside a test's own process: it runs in a thread on a free loopback port, and tests drive it directly."""

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Self

from tickstock_dagster.core.loading.vendor_plans import PlanName
from tickstock_dagster.simulator.control import correct, edit_action
from tickstock_dagster.simulator.faults.catalogue import Fault, parse_fault
from tickstock_dagster.simulator.options import DEFAULT_KEY, SimulatorOptions
from tickstock_dagster.simulator.server import build_server, build_vendor, listening_socket

_START_SECONDS = 30.0


class RunningSimulator:
    """Context manager around one simulator.

    Args:
        plan: plan of the key.
        bars: Parquet or CSV to serve; None: the synthetic market.
        seed, symbols: of the synthetic market.
        symbol_file: CSV or Parquet of the symbols that lists and details show.
        etf_facts: whether the key has the ETF data.
        rough: whether it is as unkind as the vendor.
        now: the instant at which the vendor's clock is stopped (timezone-aware); None: the real clock.
        api_keys: accepted keys, `KEY` or `KEY=PLAN`.
        rate: (calls, seconds) instead of the plan's own rate.
        control: whether `/_control/*` answers.

    Example:
        with RunningSimulator(now=datetime(2026, 11, 20, 22, tzinfo=UTC)) as simulator:
            client = RESTClient(simulator.key, base=simulator.url)
            simulator.install("rate_limit_storm", times=2, retry_after=1)
    """

    key = DEFAULT_KEY

    def __init__(
        self,
        *,
        plan: PlanName | str = PlanName.STARTER,
        bars: Path | None = None,
        seed: int = 7,
        symbols: int = 1,
        symbol_file: Path | None = None,
        etf_facts: bool = False,
        rough: bool = False,
        now: datetime | None = None,
        api_keys: tuple[str, ...] = (DEFAULT_KEY,),
        rate: tuple[int, float] | None = None,
        control: bool = True,
    ) -> None:
        self.options = SimulatorOptions(
            port=0, plan=PlanName(plan), bars=bars, seed=seed, symbols=symbols, now=now, api_keys=api_keys,
            control=control, symbol_file=symbol_file, etf_facts=etf_facts,
            rough=rough,
        )  # fmt: skip
        self.vendor = build_vendor(self.options)
        self._rate = rate
        self.reset_rates(*(rate or ()))
        self.url = ""

    def __enter__(self) -> Self:
        """Start serving; returns when the port answers."""
        self._listener = listening_socket(self.options.host, 0)
        self.url = f"http://{self.options.host}:{self._listener.getsockname()[1]}"
        self._server = build_server(self.vendor)
        self._thread = Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True)
        self._thread.start()
        deadline = monotonic() + _START_SECONDS
        while not self._server.started:
            if monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the simulator did not start")
            sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving; requests in progress are abandoned."""
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._listener.close()

    def install(self, fault: Fault | str | Mapping[str, Any], **parameters: Any) -> None:
        """Activate a fault: a model of `simulator.faults.catalogue`, a mapping, or a name with parameters.

        Raises:
            BadInputError: no such fault or parameter.
        """
        if isinstance(fault, str):
            fault = parse_fault({"fault": fault, **parameters})
        elif isinstance(fault, Mapping):
            fault = parse_fault(dict(fault))
        self.vendor.faults.install(fault)

    def clear_faults(self) -> None:
        """Remove all faults."""
        self.vendor.faults.clear()

    def stats(self, *, calls: bool = False) -> dict[str, Any]:
        """`total`, `by_endpoint`, `by_status`; with `calls` also every call's path and status."""
        return self.vendor.stats.described(calls)

    def reset_stats(self) -> None:
        """Reset the counts to zero."""
        self.vendor.stats.reset()

    def reset(self) -> None:
        """Return to the state at the start: no faults, no corrections, its own clock and rate, counts at zero."""
        self.clear_faults()
        self.vendor.corrections.clear()
        self.vendor.action_edits.clear()
        self.set_now(self.options.now)
        self.reset_rates(*(self._rate or ()))
        self.reset_stats()

    def set_now(self, instant: datetime | None) -> None:
        """Stop the vendor's clock at `instant` (timezone-aware); None: the real clock."""
        self.vendor.clock.set(instant)

    def reset_rates(self, calls: int | None = None, per_seconds: float | None = None) -> None:
        """Reset the rate windows; optionally change the rate of all keys."""
        self.vendor.gate.reset_rates(calls, per_seconds)

    def replace_bar(self, ticker: str, session: date, **values: float) -> None:
        """Let the vendor correct one bar: `close=10.5`, … (raw prices)."""
        correct(self.vendor.wait_for_tape(), {"ticker": ticker, "session": session.isoformat(), **values})

    def remove_bar(self, ticker: str, session: date) -> None:
        """Let the vendor withdraw this bar."""
        correct(self.vendor.wait_for_tape(), {"ticker": ticker, "session": session.isoformat(), "remove": True})

    def edit_action(self, feed: str, ticker: str, ex_date: date, **change: Any) -> None:
        """Let the vendor change its feed of splits or dividends: `remove=True`, `move_to=…`, `not_before=…`, a row."""
        given = {"feed": feed, "ticker": ticker, "ex_date": ex_date.isoformat(), **change}
        edit_action(self.vendor.wait_for_tape(), given, self.vendor.clock.now())

    def scale_day(self, session: date, factor: float) -> None:
        """Let the vendor correct every price of a day."""
        correct(self.vendor.wait_for_tape(), {"session": session.isoformat(), "scale": factor})
