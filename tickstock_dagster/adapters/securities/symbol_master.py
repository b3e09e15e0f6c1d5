"""The symbol master of a session: its list in versions, its symbols by class, and the details that are due.

Reading and writing belong in `adapters.securities.symbol_store`, asking for details in
`adapters.securities.symbol_details`.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date

from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.securities.listing_store import lists_observed
from tickstock_dagster.adapters.securities.listing_sync import ListingSync
from tickstock_dagster.adapters.securities.symbol_details import DetailsPlan, DetailsResult, SymbolDetails
from tickstock_dagster.adapters.securities.symbol_store import ListedSymbol, symbols_listed
from tickstock_dagster.adapters.sources.protocol import NotEntitledError, ReferenceSource
from tickstock_dagster.core.securities.equity_classes import equity_class
from tickstock_dagster.core.securities.symbol_versions import VersionChanges


@dataclass(frozen=True, slots=True)
class SymbolReport:
    """What one session's list and details changed.

    Attributes:
        by_class: listed symbols by `EquityClass`, test issues and warrants included.
        changes: what the list changed; empty where it was stored before.
        fetched: whether the list was asked for.
        details_left: symbols still due after this run.
        failures: details that failed, one line each.
        no_details: why none were asked for; None where they were.
    """

    session: date
    by_class: dict[str, int]
    preview: tuple[ListedSymbol, ...]
    changes: VersionChanges
    fetched: bool
    details_done: int
    details_unknown: int
    details_left: int
    failures: tuple[str, ...]
    calls: int
    no_details: str | None = None

    @property
    def listed(self) -> int:
        """Symbols on the list."""
        return sum(self.by_class.values())


class SymbolMaster:
    """Keeps symbol facts of one source up to date, session by session; asks for `workers` details side by side."""

    def __init__(self, context: LoadContext[ReferenceSource], workers: int = 8) -> None:
        self._context = context
        self._details = SymbolDetails(context, workers)

    def sync(self, session: date, *, details_limit: int | None = None) -> SymbolReport:
        """Store the session's list, unless it is stored, and ask for details that are due.

        Args:
            session: the session.
            details_limit: at most this many details; None: as many as the plan allows in half an hour.

        Raises:
            VendorError: the list is missing or broken, or the key may not ask; what was stored stays.
            ServiceUnavailableError: the database cannot be reached.
        """
        calls_before = self._context.calls
        fetched = not self._is_taken_in(session)
        changes = VersionChanges()
        if fetched:
            changes = ListingSync(self._context).observe(session)
        listed = symbols_listed(self._context.engine, session)
        by_class = Counter(str(equity_class(row.ticker, row.equity_type, row.name)) for row in listed)
        result = DetailsResult(0, 0, ())
        refusal = self._details.why_none()
        if refusal is None:
            try:
                result = self._details.ask(session, limit=details_limit)
            except NotEntitledError as error:
                refusal = str(error)
                self._context.record_calls()
        return SymbolReport(
            session=session,
            by_class=dict(by_class.most_common()),
            preview=tuple(listed[:10]),
            changes=changes,
            fetched=fetched,
            details_done=result.done,
            details_unknown=result.unknown,
            details_left=0 if refusal else len(self._details.due(session)),
            failures=result.failures,
            calls=self._context.calls - calls_before,
            no_details=refusal,
        )

    def details_plan(self, session: date, *, details_limit: int | None = None) -> DetailsPlan:
        """What `sync` would ask for now, for a session whose list is stored. Makes no call."""
        return self._details.plan(session, limit=details_limit)

    def _is_taken_in(self, session: date) -> bool:
        """Whether the session's list is known: its versions are stored, or it was empty."""
        engine, market, name = self._context.engine, self._context.market, self._context.source.name
        if session not in lists_observed(engine, market, name, empty=True):
            return False
        return session not in lists_observed(engine, market, name) or bool(symbols_listed(engine, session))
