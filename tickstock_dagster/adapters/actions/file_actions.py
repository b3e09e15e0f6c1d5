"""Loading the splits and dividends that come beside a file of bars."""

from tickstock_dagster.adapters.actions.loader import ActionsReport, load_stretch
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.securities.file_listings import store_file_listings
from tickstock_dagster.adapters.securities.listing_store import intervals_of
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.core.actions.corporate_actions import validate_actions
from tickstock_dagster.core.actions.spans import Span


def load_file_actions(context: LoadContext[FileSource]) -> ActionsReport:
    """Store all actions of a file, whatever their dates; the same content again changes nothing.

    What another content said before of the same securities ends first, in a transaction of its own: interrupted between
    the two, the next load goes on.

    Args:
        context: its source is the file.

    Raises:
        BadInputError: the file cannot be read; nothing was changed.
        ServiceUnavailableError: the database cannot be reached.
    """
    source, now = context.source, context.now()
    actions = source.actions
    if not actions:
        return ActionsReport()
    tickers = sorted({action.ticker for action in actions})
    store_file_listings(context.engine, source, tickers, now=now)
    days = [action.ex_date for action in actions]
    span = Span(min(days), max(days))
    splits, dividends = source.splits(span.first, span.last), source.dividends(span.first, span.last)
    told = validate_actions(splits, dividends, intervals_of(context.engine, None))
    with transaction(context.engine) as connection:
        values = {
            "source": source.name,
            "security_ids": told.actions["security_id"].unique().to_list(),
            "doubtful_ids": told.doubtful["security_id"].to_list(),
            "doubtful_actions": told.doubtful["action"].to_list(),
            "doubtful_days": told.doubtful["ex_date"].to_list(),
            "now": now,
        }
        connection.execute(statement("actions/file_versions_end"), values)
    return load_stretch(context, span)
