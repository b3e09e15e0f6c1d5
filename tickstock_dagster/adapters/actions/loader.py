"""Loading splits and dividends: a look asks for what is not fresh, two calls a stretch of days, and keeps versions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg

from tickstock_dagster.adapters.actions.evidence import read_receipts, reopened_days
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.ledger.units import FinishedUnit, finish_units
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import copy_frame
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.securities.listing_store import intervals_of
from tickstock_dagster.adapters.sources.protocol import MalformedAnswerError, ReferenceSource, VendorError
from tickstock_dagster.core.actions.corporate_actions import ACTION_SCHEMA, ValidatedActions, validate_actions
from tickstock_dagster.core.actions.evidence import spans_to_ask
from tickstock_dagster.core.actions.spans import Span
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit

MAX_WITHDRAWN_SHARE = 0.10
FEW_WITHDRAWN = 5
"""This many may always be withdrawn."""


@dataclass(frozen=True, slots=True)
class ActionsReport:
    """What one look did.

    Attributes:
        inserted: versions begun.
        ended: versions that ended: replaced, moved or withdrawn.
        known: actions of the answers that were known already.
        unresolved: rows under a ticker that no known security held.
        refused: rows that were not stored, one line each saying why.
        repeats: rows that say again what another says, or that were added up, one line for each action.
        ignored: rows that change nothing, one line each.
        calls: made to the vendor.
        spans: days that were asked for; none where all of them were fresh.
    """

    inserted: int = 0
    ended: int = 0
    known: int = 0
    unresolved: int = 0
    refused: tuple[str, ...] = ()
    repeats: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    calls: int = 0
    spans: tuple[Span, ...] = ()

    def __add__(self, other: "ActionsReport") -> "ActionsReport":
        return ActionsReport(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def asked(self) -> bool:
        """Whether anything was asked for."""
        return bool(self.spans)


def load_corporate_actions(
    context: LoadContext[ReferenceSource],
    calendar: SessionCalendar,
    first: date,
    last: date,
    *,
    ask_again: bool = False,
) -> ActionsReport:
    """Look at the actions of some sessions: ask for the days that are not fresh, and store what is new or changed.

    The latest closed session brings a trailing window and everything announced ahead; see `core.actions.evidence`. What
    an answer no longer has is ended, what it has otherwise becomes a new version: a former one keeps its row and gets
    its `known_to`. Each stretch of days is one transaction, with its receipt in the ledger.

    Args:
        context: its source is the vendor.
        calendar: with its overrides applied.
        first: first session, closed.
        last: last session, closed.
        ask_again: ask for all days of these sessions, however fresh.

    Raises:
        VendorError: an answer is missing, or lacks much of what is known; its stretch changed nothing but the ledger,
            where the failure is noted.
        ServiceUnavailableError: the database cannot be reached.
    """
    receipts = [] if ask_again else read_receipts(context.engine, context.market, context.source.name)
    reopened = reopened_days(context.engine, context.source.name)
    report = ActionsReport()
    for span in spans_to_ask(receipts, calendar, first, last, now=context.now(), reopened=reopened):
        report += load_stretch(context, span)
    return report


def load_stretch(context: LoadContext[ReferenceSource], span: Span) -> ActionsReport:
    """Ask for one stretch of days, however fresh, and store what is new or changed, in one transaction.

    Raises:
        VendorError, ServiceUnavailableError: as for `load_corporate_actions`.
    """
    return _Look(context, span).load()


class _Look:
    """One stretch of days: its question, its answer, its transaction."""

    def __init__(self, context: LoadContext[ReferenceSource], span: Span) -> None:
        self._context, self._span = context, span
        self._started = context.now()
        kinds = (UnitKind.SPLITS, UnitKind.DIVIDENDS)
        self._units = [
            WorkUnit(kind, context.market, context.source.name, "*", span.first, span.last) for kind in kinds
        ]

    def load(self) -> ActionsReport:
        try:
            splits = self._context.source.splits(self._span.first, self._span.last)
            dividends = self._context.source.dividends(self._span.first, self._span.last)
            validated = validate_actions(splits, dividends, intervals_of(self._context.engine, None))
            return self._store(validated, (splits.height, dividends.height))
        except VendorError as error:
            self._note(error)
            raise

    def _store(self, validated: ValidatedActions, rows: tuple[int, int]) -> ActionsReport:
        context, span, now = self._context, self._span, self._context.now()
        at = {"first": span.first, "last": span.last, "source": context.source.name, "now": now}
        with transaction(context.engine) as connection, connection.cursor() as cursor:
            # PostgreSQL cannot prepare several statements at once.
            cursor.execute(statement("actions/stage"), prepare=False)
            copy_frame(cursor, "stage_actions", validated.actions.select(list(ACTION_SCHEMA)))
            copy_frame(cursor, "stage_doubtful", validated.doubtful)
            copy_frame(cursor, "stage_unresolved", validated.unresolved)
            _refuse_broken(cursor, at)
            cursor.execute(statement("actions/end"), at)
            ended = cursor.rowcount
            cursor.execute(statement("actions/insert"), at)
            inserted = cursor.rowcount
            cursor.execute(statement("actions/contradicted"), at)
            otherwise = [_contradiction(*row) for row in cursor.fetchall()]
            cursor.execute(statement("actions/unresolved_forget"), at)
            cursor.execute(statement("actions/unresolved_note"), at)
            ends = [FinishedUnit(unit, count, self._started) for unit, count in zip(self._units, rows, strict=True)]
            finish_units(cursor, ends, run_id=context.run_id, now=now)
            calls = context.write_calls(cursor)
        return ActionsReport(
            inserted=inserted,
            ended=ended,
            known=validated.actions.height - inserted,
            unresolved=validated.unresolved.height,
            refused=(*validated.refused, *otherwise),
            repeats=validated.repeats,
            ignored=validated.ignored,
            calls=calls,
            spans=(span,),
        )

    def _note(self, error: VendorError) -> None:
        """Note the failure in the ledger, so that what is owed can say why."""
        ends = [FinishedUnit.failed(unit, error, self._started) for unit in self._units]
        with transaction(self._context.engine) as connection, connection.cursor() as cursor:
            finish_units(cursor, ends, run_id=self._context.run_id, now=self._context.now())
            self._context.write_calls(cursor)


def _refuse_broken(cursor: psycopg.Cursor, at: Mapping[str, object]) -> None:
    """Refuse an answer that withdraws much of what is known: it counts as broken, as an empty one does.

    Raises:
        MalformedAnswerError: says how much it lacks.
    """
    cursor.execute(statement("actions/withdrawn"), at)
    withdrawn, known = cursor.fetchone() or (0, 0)
    if withdrawn > FEW_WITHDRAWN and withdrawn > MAX_WITHDRAWN_SHARE * known:
        raise MalformedAnswerError(
            f"{at['source']}: splits and dividends {at['first']}..{at['last']} lack {withdrawn} of {known} that are "
            f"known (accepted: at most {MAX_WITHDRAWN_SHARE:.0%})"
        )


def _contradiction(ticker: str, ex_date: date, action: str, source: str, said: float, per: Any) -> str:
    amount = f"split {said:g} for {per:g}" if action == "split" else f"dividend of {said:g}"
    return f"{ticker} {ex_date}: {amount} contradicts what {source} says, which stays"
