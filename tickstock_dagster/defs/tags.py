"""Run tags, and metadata that definitions share."""

from datetime import date

import dagster as dg

from tickstock_dagster.core.bars.columns import DAILY_COLUMNS
from tickstock_dagster.core.calendars.markets import MARKET

SESSION_TAG = "tickstock/session"
TRIGGER_TAG = "tickstock/trigger"
STRETCH_TAG = "tickstock/closed_after"
"""The last session before closed days. Not `SESSION_TAG`: the end of day waits for runs that carry that one."""

FOLLOWED_TAG = "tickstock/follows"
"""The session that light maintenance follows. Not `SESSION_TAG`, for the same reason."""

MARKET_TAG = "tickstock/market"
"""MIC of the market that a run is for, where that is not the US market: two markets have sessions of one date."""

CATCH_UP = "catch_up"
"""The trigger of runs that load what is owed of earlier sessions."""

REQUESTED_TAG = "tickstock/requested_at"
"""When a run was requested, by the clock of the sensor that did."""

PARTITION_TAG = "dagster/partition"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"

OWNERS = ["team:market-data"]
VENDOR_POOL = "vendor"


def market_tags(market: str) -> dict[str, str]:
    """The tag of a run for a market, by its MIC; none for the US market."""
    return {} if market == MARKET else {MARKET_TAG: market}


def eod_tags(session: date, market: str = MARKET) -> dict[str, str]:
    """The tags of an end-of-day run for a session of a market."""
    return {SESSION_TAG: str(session), TRIGGER_TAG: "eod", **market_tags(market)}


BAR_COLUMNS = dg.TableSchema(
    columns=[dg.TableColumn(column.name, column.type, column.meaning) for column in DAILY_COLUMNS]
)

ACTION_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("action_id", "bigint", "Surrogate identity of the version."),
        dg.TableColumn("security_id", "bigint", "The security."),
        dg.TableColumn("ticker", "text", "Ticker under which the vendor reports it."),
        dg.TableColumn("action", "text", "split or dividend."),
        dg.TableColumn("kind", "text", "The vendor's kind: forward_split, recurring, …"),
        dg.TableColumn("ex_date", "date", "First session without the dividend, or after the split."),
        dg.TableColumn("declared_on", "date", "When the company announced it."),
        dg.TableColumn("record_date", "date", "Holders of this day receive it."),
        dg.TableColumn("pay_date", "date", "When the company pays it."),
        dg.TableColumn("split_from", "numeric", "Shares before the split, in its ratio."),
        dg.TableColumn("split_to", "numeric", "Shares after the split, in its ratio."),
        dg.TableColumn("cash_amount", "numeric", "Cash per share, in currency."),
        dg.TableColumn("currency", "text", "ISO 4217 code."),
        dg.TableColumn("close_before", "numeric", "Close that the dividend is a share of, where its source states it."),
        dg.TableColumn("vendor_id", "text", "The vendor's id."),
        dg.TableColumn("source", "text", "Source of the version."),
        dg.TableColumn("known_from", "timestamp with time zone", "From when we knew this version."),
        dg.TableColumn(
            "known_to", "timestamp with time zone", "When a newer version replaced it; null while it is current."
        ),
    ]
)
