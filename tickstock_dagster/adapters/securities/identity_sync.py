"""Proving whose a ticker was on every day of a load: which evidence is asked for, and what is left unproven.

A load has the lists of its first and its last session. Where more than `TERM` lies between two looks at a security, its
tickers in between are not known. The vendor is asked for all of them, one call a security; or, where that is fewer
calls, for further lists of the whole market, one a month. Both are bounded. What stays unproven stays nobody's: no bar
of those days is stored, the cells are owed with the reason `identity_unproven`, and the next load asks for the rest.

A source that states whole chains by itself, such as a file of symbols, hands them to
`adapters.securities.stated_chains`.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import polars as pl

from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.securities.listing_store import (
    histories_held,
    lists_observed,
    read_securities,
)
from tickstock_dagster.adapters.securities.listing_sync import ListingSync, newest_holders
from tickstock_dagster.adapters.securities.stated_chains import write_stated
from tickstock_dagster.adapters.sources.protocol import (
    NotFoundError,
    PermanentVendorError,
    ReferenceSource,
    TransientVendorError,
)
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.vendor_plans import HISTORY_START
from tickstock_dagster.core.securities.identity import TERM, Span, unproven_spans
from tickstock_dagster.core.securities.listing_records import WITHOUT_FIGI, Security
from tickstock_dagster.core.securities.stated_tickers import state_tickers

MOST_QUESTIONS = 1_000
"""Securities that one load asks about one by one, at most; the next loads ask about the rest."""

MOST_LIST_CALLS = 700
"""Calls for further lists that one load makes, at most: five years of the whole market. The newest lists come first."""

LIST_PAGES_OF = 1_000
"""Securities on one page of the vendor's list: each page is a call."""

ASKED_AGAIN_AFTER = timedelta(days=30)
"""A security whose tickers the vendor did not know is asked about again after this."""

UNPROVEN_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "unproven_from": pl.Date,
    "unproven_to": pl.Date,
}
"""Days, [unproven_from, unproven_to), on which a security may have held a ticker and nothing proves it."""


@dataclass(frozen=True, slots=True)
class IdentityCalls:
    """The calls that a load would make to prove identities: for securities one by one, and for further lists."""

    securities: int = 0
    lists: int = 0
    pages: int = 1

    @property
    def calls(self) -> int:
        """All of them; a list takes as many as it has pages."""
        return self.securities + self.lists * self.pages


Unproven = list[tuple[Security, list[Span]]]
"""Securities, each with the days on which nothing proves its ticker."""


@dataclass(frozen=True, slots=True)
class IdentitySync:
    """Proves identities by one source."""

    context: LoadContext[ReferenceSource]

    def calls(self, tickers: Sequence[str], first: date, last: date) -> IdentityCalls:
        """What `prove` would ask for now, if the vendor knows all tickers that it is asked for. Makes no call."""
        if not self._is_asked():
            return IdentityCalls()
        return self._evidence(self._doubtful(tickers, first, last), first, last)

    def prove(self, tickers: Sequence[str], first: date, last: date) -> pl.DataFrame:
        """Ask for the evidence that a load of `tickers` (as printed today) from `first` to `last` lacks.

        A failing call ends nothing but itself: what it was about stays unproven.

        Returns:
            The days from `first` to `last` on which nothing proves whose a ticker was, of any security of the market,
            as `UNPROVEN_SCHEMA`.
        """
        if not self._is_asked():
            return pl.DataFrame(schema=UNPROVEN_SCHEMA)
        known, unproven = self._look(first, last)
        if not _of_tickers(known, unproven, tickers):
            return _rows(unproven)
        with histories_held(self.context.engine):  # another process may have asked meanwhile
            evidence = self._evidence(self._doubtful(tickers, first, last), first, last)
            if evidence.lists:
                self._take_lists(first, last, evidence.pages)
            asked = self._asked_lately()
            for security in self._doubtful(tickers, first, last)[:MOST_QUESTIONS]:
                if security.security_id not in asked:
                    self._ask(security)
            if not evidence.lists and self._doubtful(tickers, first, last):  # the vendor does not know their tickers
                self._take_lists(first, last, evidence.pages)
        self.context.record_calls()
        return _rows(self._look(first, last)[1])

    def _is_asked(self) -> bool:
        """Whether the source knows ticker changes: a file's rows name their tickers themselves."""
        return self.context.source.capabilities.ticker_changes

    def _lists(self) -> list[date]:
        return lists_observed(self.context.engine, self.context.market, self.context.source.name)

    def _look(self, first: date, last: date) -> tuple[list[Security], Unproven]:
        """The securities of the market, and those whose identity is not proven from `first` to `last`."""
        lists = self._lists()
        known = read_securities(self.context.engine, self.context.market)
        spans = ((security, unproven_spans(security, lists, first, last)) for security in known)
        return known, [(security, found) for security, found in spans if found]

    def _doubtful(self, tickers: Sequence[str], first: date, last: date) -> list[Security]:
        """The securities of some tickers whose identity is not proven from `first` to `last`."""
        known, unproven = self._look(first, last)
        return _of_tickers(known, unproven, tickers)

    def _evidence(self, doubtful: Sequence[Security], first: date, last: date) -> IdentityCalls:
        """The fewest calls: of all their tickers, or of further lists."""
        asked = self._asked_lately()
        count = sum(security.security_id not in asked for security in doubtful)
        pages = -(-len(self._listed()) // LIST_PAGES_OF) or 1
        lists = len(self._missing_lists(first, last)) if doubtful else 0
        affordable = min(lists, MOST_LIST_CALLS // pages)
        if lists and len(doubtful) > lists * pages:
            return IdentityCalls(lists=affordable, pages=pages)
        questions = min(count, MOST_QUESTIONS)
        return IdentityCalls(questions, 0 if questions else affordable, pages)

    def _take_lists(self, first: date, last: date, pages: int) -> None:
        """Take in further lists, the newest first, as many as one load may."""
        days = self._missing_lists(first, last)[::-1][: MOST_LIST_CALLS // pages]
        if days:
            with suppress(PermanentVendorError, TransientVendorError):
                ListingSync(self.context).take_in(*days)

    def _missing_lists(self, first: date, last: date) -> list[date]:
        """Days of lists that are lacking so that no two are further apart than `TERM`."""
        lists = [on for on in self._lists() if first <= on <= last]
        bounds = sorted({first, *lists, last})
        missing = []
        for former, latter in pairwise(bounds):
            on = former + TERM
            while on < latter:
                missing.append(on)
                on += TERM
        return missing

    def _listed(self) -> list[Security]:
        known = read_securities(self.context.engine, self.context.market)
        return [security for security in known if security.intervals[-1].valid_to is None]

    def _asked_lately(self) -> set[int]:
        since = self.context.now().date() - ASKED_AGAIN_AFTER
        with transaction(self.context.engine) as connection:
            rows = connection.execute(statement("securities/tickers_asked_since"), {"since": since}).fetchall()
        return {security_id for (security_id,) in rows}

    def _ask(self, security: Security) -> None:
        """Ask for all tickers of a security; one without an answer is asked about again after a while."""
        by_ticker = security.identity.startswith(WITHOUT_FIGI)
        try:
            changes = self.context.source.ticker_changes(
                security.intervals[-1].ticker if by_ticker else security.identity
            )
        except NotFoundError:
            changes = []
        except (PermanentVendorError, TransientVendorError, BadInputError):  # stores may hold what is no ticker
            return
        known = read_securities(self.context.engine, self.context.market)
        current = next((one for one in known if one.security_id == security.security_id), security)
        chain = [(change.ticker, change.effective) for change in changes]
        today = self.context.now().date()
        changed = state_tickers(known, current, chain, today, reaches_back_to=HISTORY_START)
        write_stated(self.context, changed or [], [current], today)


def _of_tickers(known: Sequence[Security], unproven: Unproven, tickers: Sequence[str]) -> list[Security]:
    """The unproven ones among the newest holders of some tickers."""
    if not unproven:
        return []
    wanted = {security.security_id for security in newest_holders(known, tickers).values()}
    return [security for security, _ in unproven if security.security_id in wanted]


def _rows(unproven: Unproven) -> pl.DataFrame:
    """Their days, as `UNPROVEN_SCHEMA`."""
    rows = [(security.security_id, *span) for security, spans in unproven for span in spans]
    return pl.DataFrame(rows, schema=UNPROVEN_SCHEMA, orient="row")
