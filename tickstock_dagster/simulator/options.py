"""The options of a simulator: parsing and validation. Nothing here starts anything."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tickstock_dagster.core.calendars.library import FIRST_DAY
from tickstock_dagster.core.calendars.session_calendar import LAST_DAY
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.vendor_plans import PlanName, vendor_plan
from tickstock_dagster.core.server_urls import is_host

DEFAULT_KEY = "simulator"
DEFAULT_SYMBOLS = 300
MAX_SYMBOLS = 5_000
"""Each synthetic ticker takes about 0.3 MB of memory for its history."""


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """Options of one simulator.

    Attributes:
        host: address to listen on.
        port: TCP port; 0 takes a free one.
        plan: plan of every key that does not name its own.
        bars: Parquet or CSV to serve instead of the synthetic market.
        seed: seed of the synthetic market.
        symbols: size of the synthetic market; it always includes the named tickers, the shipped ETFs come on top.
        symbol_file: CSV or Parquet of the symbols that lists and details show; None: those that have bars.
        now: the vendor's clock is stopped at this instant (timezone-aware); None: the real clock.
        api_keys: accepted keys, `KEY` or `KEY=PLAN`.
        etf_facts: whether every key has the ETF data, an add-on that no plan includes.
        rough: whether it is as unkind as the vendor: see `simulator.endpoints.rough`.
        control: whether `/_control/*` answers (loopback callers only).
        publish_delay_minutes: minutes from a session's close to the publication of its bars.
    """

    host: str = "127.0.0.1"
    port: int = 8089
    plan: PlanName = PlanName.STARTER
    bars: Path | None = None
    seed: int = 7
    symbols: int = DEFAULT_SYMBOLS
    symbol_file: Path | None = None
    now: datetime | None = None
    api_keys: tuple[str, ...] = field(default=(DEFAULT_KEY,))
    etf_facts: bool = False
    rough: bool = False
    control: bool = True
    publish_delay_minutes: int = 15

    def __post_init__(self) -> None:
        """Validate the ranges; raises BadInputError naming the option."""
        if not 0 <= self.port <= 65_535:
            raise BadInputError("port", self.port, "0 to 65535; 0 takes a free port")
        if not is_host(self.host):
            raise BadInputError("host", self.host, "an address or a name of this machine, as 127.0.0.1 or localhost")
        if not 1 <= self.symbols <= MAX_SYMBOLS:
            raise BadInputError("symbols", self.symbols, f"1 to {MAX_SYMBOLS}")
        if not 0 <= self.seed < 2**32:
            raise BadInputError("seed", self.seed, f"a whole number of 0 or more, up to {2**32 - 1}")
        if self.now is not None and self.now.tzinfo is None:
            raise BadInputError("now", self.now.isoformat(), "an instant with a time zone, e.g. 2026-11-20T21:30:00Z")
        if not self.api_keys or any(not key.partition("=")[0] for key in self.api_keys):
            raise BadInputError("api-key", ",".join(self.api_keys), "KEY or KEY=PLAN, not empty")
        self.key_plans()

    def key_plans(self) -> dict[str, PlanName]:
        """Plan of each accepted key.

        Raises:
            BadInputError: a key names a plan that does not exist.
        """
        plans = {}
        for entry in self.api_keys:
            key, _, plan = entry.partition("=")
            plans[key] = vendor_plan(plan).name if plan else self.plan
        return plans


def parse_symbols(text: str) -> tuple[int, Path | None]:
    """The value of `--symbols`: the size of the synthetic market, or a file of symbols and the default size."""
    number = text.removeprefix("-")
    return (int(text), None) if number.isdecimal() else (DEFAULT_SYMBOLS, Path(text))


def parse_instant(text: str, field_name: str = "now") -> datetime:
    """An ISO 8601 instant within the calendars; UTC where the text has no zone.

    Raises:
        BadInputError: the text is not ISO 8601, or the calendars do not reach the instant.
    """
    try:
        instant = datetime.fromisoformat(text)
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):  # at the ends of the calendar, another zone is outside of it
        raise BadInputError(field_name, text, "an ISO 8601 instant, e.g. 2026-11-20T21:30:00Z") from None
    if not FIRST_DAY < instant.date() < LAST_DAY:
        raise BadInputError(field_name, text, f"an instant between {FIRST_DAY} and {LAST_DAY}: the calendars end there")
    return instant
