"""Run tags and shared metadata of the definitions."""

from datetime import date

import dagster as dg

from tickstock_dagster.core.bars.columns import DAILY_COLUMNS

SESSION_TAG = "tickstock/session"
TRIGGER_TAG = "tickstock/trigger"
STRETCH_TAG = "tickstock/closed_after"
"""The last session before some closed days. Not the session's own tag: the end of day waits for runs that have that."""

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"

OWNERS = ["team:market-data"]
VENDOR_POOL = "vendor"


def eod_tags(session: date) -> dict[str, str]:
    """By what an end-of-day run for a session is known."""
    return {SESSION_TAG: str(session), TRIGGER_TAG: "eod"}


BAR_COLUMNS = dg.TableSchema(
    columns=[dg.TableColumn(column.name, column.type, column.meaning) for column in DAILY_COLUMNS]
)

ACTION_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("action_id", "bigint", "Surrogate identity of the version."),
        dg.TableColumn("security_id", "bigint", "The security."),
        dg.TableColumn("ticker", "text", "Ticker under which the vendor states it."),
        dg.TableColumn("action", "text", "split or dividend."),
        dg.TableColumn("kind", "text", "The vendor's kind: forward_split, recurring, …"),
        dg.TableColumn("ex_date", "date", "First session that trades without it."),
        dg.TableColumn("declared_on", "date", "When it was announced."),
        dg.TableColumn("record_date", "date", "Who holds it then, gets it."),
        dg.TableColumn("pay_date", "date", "When it is paid."),
        dg.TableColumn("split_from", "numeric", "Shares before."),
        dg.TableColumn("split_to", "numeric", "Shares after."),
        dg.TableColumn("cash_amount", "numeric", "Cash per share, in currency."),
        dg.TableColumn("currency", "text", "ISO 4217 code."),
        dg.TableColumn("vendor_id", "text", "The vendor's identity of it."),
        dg.TableColumn("source", "text", "Where the version came from."),
        dg.TableColumn("known_from", "timestamp with time zone", "From when we knew this version."),
        dg.TableColumn("known_to", "timestamp with time zone", "Until when it held; null: it is current."),
    ]
)
