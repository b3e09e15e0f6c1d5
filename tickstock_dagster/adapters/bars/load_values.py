"""What a load of bars is asked for, and what it reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from tickstock_dagster.adapters.bars.store import StoreResult
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.core.loading.planning import LoadPlan


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What to load: `tickers` as printed today on `sessions` (ascending, closed ones only).

    With `universes` (canonical names; empty: all that are tracked) the bars of their members are meant, as they stood
    on each session, and `tickers` are those of everybody who was one. `ask_again` also asks for open gaps that are not
    due yet, `refresh` also for bars that are provisional and cells that were taken for untraded. `strict` refuses
    unknown tickers instead of naming them in the report.
    """

    tickers: tuple[str, ...]
    sessions: tuple[date, ...]
    universes: tuple[str, ...] | None = None
    ask_again: bool = False
    refresh: bool = False
    strict: bool = False


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load did.

    Attributes:
        tickers: as requested.
        expectation: the securities that the request meant, and their days; listings as they are stored at the end.
        plan: what it set out to do.
        stored: rows new, changed, unchanged, quarantined, explained.
        states: each session's completeness over the requested tickers, ascending.
        gaps: explained gaps of the request by reason.
        unknown: requested tickers that no list of the vendor has.
        unresolved: tickers in answers that no security held on that session.
        failures: what failed, in words, one line a unit.
        calls: vendor calls made, those for ticker lists included.
        phases: seconds by phase: listing (ticker lists), plan, fetch (waiting for answers), store, settle (judging once
            more, and counting).
    """

    tickers: tuple[str, ...]
    expectation: Expectation
    plan: LoadPlan
    stored: StoreResult
    states: tuple[Completeness, ...]
    gaps: dict[str, int]
    unknown: tuple[str, ...]
    unresolved: tuple[str, ...]
    failures: tuple[str, ...]
    calls: int
    seconds: float
    phases: Mapping[str, float] = field(default_factory=dict)
