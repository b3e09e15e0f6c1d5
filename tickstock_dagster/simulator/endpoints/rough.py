"""What the real vendor's answers have and the kind simulator's lack, with the option `rough`.

FIGIs were missing on 1,922 active tickers of about 11,000. The consolidated tapes put a lower-case `w` after a class or
series. The rows that only this adds are listed and never trade.
"""

from datetime import date
from typing import Any

from tickstock_dagster.simulator.http.call import Call
from tickstock_dagster.simulator.market.securities import Security, stable_hash

WITHOUT_FIGI = 0.17
"""Share of the active securities that never changed their ticker, and have no FIGI."""

ODD_TICKERS = ("XYZ.Aw", "XYZpAw", "XYZpw", "XYZrw", "XYZ.A", "XYZpA", "XYZ")
"""Class, series, preferred and right, each also when issued."""


def row_of(call: Call, security: Security, row: dict[str, Any]) -> dict[str, Any]:
    """A row of the ticker list; in a rough market many have no FIGI, and funds no CIK."""
    if not call.rough or len(security.spans) > 1:
        return row
    lacking = {"cik"} if security.equity_type == "ETF" else set()
    if stable_hash(f"figi of {security.key}") % 1000 < WITHOUT_FIGI * 1000:
        lacking |= {"composite_figi", "share_class_figi"}
    return {name: value for name, value in row.items() if name not in lacking}


def odd_rows(call: Call, on: date) -> list[dict[str, Any]]:
    """Rows of the list of active tickers that are odd by their suffixes; none in a kind market."""
    if not call.rough:
        return []
    return [
        {
            "ticker": ticker,
            "name": f"Xyz Industries ({ticker})",
            "market": "stocks",
            "locale": "us",
            "primary_exchange": "XNYS",
            "exchange": "XNYS",
            "active": True,
            "currency_name": "usd",
            "last_updated_utc": f"{on.isoformat()}T00:00:00Z",
        }
        for ticker in ODD_TICKERS
    ]
