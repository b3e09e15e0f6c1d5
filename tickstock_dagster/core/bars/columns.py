"""Columns of a stored daily bar, `ohlcv_daily`: names, types and meaning, in the table's order.

The table itself is made by a migration, which a test compares with this. What a vendor's row must keep to become a bar
belongs in `daily_bars`.
"""

from typing import NamedTuple


class BarColumn(NamedTuple):
    """One column.

    Attributes:
        name: as in the table.
        type: as PostgreSQL names it, without precision.
        meaning: for people.
        staged: whether a batch brings it; the others follow from what writes the batch.
    """

    name: str
    type: str
    meaning: str
    staged: bool = True


DAILY_COLUMNS = (
    BarColumn("security_id", "bigint", "The security."),
    BarColumn("session", "date", "Trading date of the exchange."),
    BarColumn("ticker", "text", "Ticker as printed on that session."),
    BarColumn("closes_at", "timestamp with time zone", "The session's scheduled close."),
    BarColumn("open", "numeric", "First price, raw."),
    BarColumn("high", "numeric", "Highest price, raw."),
    BarColumn("low", "numeric", "Lowest price, raw."),
    BarColumn("close", "numeric", "Official close, raw."),
    BarColumn("volume", "bigint", "Whole shares traded, raw."),
    BarColumn("vwap", "numeric", "Volume-weighted average price, raw."),
    BarColumn("transactions", "bigint", "Number of trades."),
    BarColumn("fmv", "numeric", "Fair market value; never mixed into close.", staged=False),
    BarColumn("is_fmv", "boolean", "True where only fmv speaks.", staged=False),
    BarColumn("source", "text", "Where the row came from.", staged=False),
    BarColumn("status", "text", "provisional or final."),
    BarColumn("loaded_at", "timestamp with time zone", "When this version was written.", staged=False),
    BarColumn("volume_printed", "numeric", "Shares traded as printed; null: a whole number, volume."),
)

STAGED_BAR_COLUMNS = tuple(column.name for column in DAILY_COLUMNS if column.staged)
"""Columns of a batch of bars, in the order of the stage."""
