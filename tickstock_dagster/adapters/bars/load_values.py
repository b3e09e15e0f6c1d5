"""The request and the report of a load of bars."""

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

    With `universes` (canonical names; empty: all tracked ones) the request is for the bars of their members on each
    session, and `tickers` are those of all these members; with `owed`, on those sessions alone from which each universe
    is tracked. `ask_again` also asks for open gaps that are not due yet,
    `refresh` also for provisional bars and cells with the reason no_trade, `reread` for everything. `strict` refuses
    unknown tickers instead of naming them in the report.
    """

    tickers: tuple[str, ...]
    sessions: tuple[date, ...]
    universes: tuple[str, ...] | None = None
    owed: bool = False
    ask_again: bool = False
    refresh: bool = False
    reread: bool = False
    strict: bool = False


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load did.

    Attributes:
        tickers: as requested.
        expectation: the requested securities and their days, with listings as stored at the end.
        plan: the calls that the load planned.
        stored: numbers of new, changed, unchanged and quarantined rows, and of explained gaps.
        states: each session's completeness over the requested tickers, ascending.
        gaps: requested bars that are not stored, by reason.
        unknown: requested tickers that no list of the vendor has.
        unresolved: tickers in answers that no security held on that session.
        quarantined: up to ten rows that broke a rule, one line each.
        failures: failed units, one line each.
        retrying: how many of them the ledger has to be tried again.
        dead: those that are not tried again by themselves, with their errors, one line each.
        besides: rows of securities that were not requested, stored since the same answers had them.
        changed: sessions of which the load stored or explained something new, and those of units that others asked for
            meanwhile.
        calls: vendor calls made, including those for ticker lists.
        phases: seconds by phase: listing (ticker lists), plan, fetch (waiting for answers), store (waiting for a batch
            that is stored meanwhile), wait (for units that other runs ask for), settle (late starts, revised gaps,
            counts).
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
    quarantined: tuple[str, ...] = ()
    retrying: int = 0
    dead: tuple[str, ...] = ()
    besides: int = 0
    changed: frozenset[date] = frozenset()
