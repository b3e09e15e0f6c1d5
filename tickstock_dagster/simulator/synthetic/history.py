"""Splits, renames and first days of named tickers: the real ones, as exchanges and companies announced them."""

from datetime import date

from tickstock_dagster.simulator.market.securities import SplitEvent, TickerSpan


def _splits(*events: str) -> tuple[SplitEvent, ...]:
    parsed = []
    for event in events:
        day, ratio = event.split()
        new, old = ratio.split(":")
        parsed.append(SplitEvent(date.fromisoformat(day), float(old), float(new)))
    return tuple(parsed)


SPLITS: dict[str, tuple[SplitEvent, ...]] = {
    "AAPL": _splits("2005-02-28 2:1", "2014-06-09 7:1", "2020-08-31 4:1"),
    "NVDA": _splits("2006-04-07 2:1", "2007-09-11 3:2", "2021-07-20 4:1", "2024-06-10 10:1"),
    "AMZN": _splits("2022-06-06 20:1"),
    "GOOGL": _splits("2022-07-18 20:1"),
    "TSLA": _splits("2020-08-31 5:1", "2022-08-25 3:1"),
    "AVGO": _splits("2024-07-15 10:1"),
    "NFLX": _splits("2004-02-12 2:1", "2015-07-15 7:1", "2025-11-17 10:1"),
    "NOW": _splits("2025-12-18 5:1"),
    "WMT": _splits("2024-02-26 3:1"),
    "LRCX": _splits("2024-10-03 10:1"),
    "GE": _splits("2021-08-02 1:8"),
    "C": _splits("2011-05-09 1:10"),
    "V": _splits("2015-03-19 4:1"),
    "MA": _splits("2014-01-22 10:1"),
    "BRK.B": _splits("2010-01-21 50:1"),
    "ISRG": _splits("2017-10-05 3:1", "2021-10-05 3:1"),
    "USO": _splits("2020-04-29 1:8"),
    "XLE": _splits("2025-12-05 2:1"),
    "XLK": _splits("2025-12-05 2:1"),
    "XLU": _splits("2025-12-05 2:1"),
    "XLB": _splits("2025-12-05 2:1"),
    "XLY": _splits("2025-12-05 2:1"),
    "SMH": _splits("2023-05-05 2:1"),
    "SCHG": _splits("2024-10-11 4:1"),
    "EEM": _splits("2005-06-09 3:1", "2008-07-24 3:1"),
}

RENAMES: dict[str, tuple[TickerSpan, ...]] = {
    "META": (TickerSpan("FB", date(2012, 5, 18), date(2022, 6, 8)), TickerSpan("META", date(2022, 6, 9))),
    "ELV": (TickerSpan("ANTM", date(2014, 12, 3), date(2022, 6, 27)), TickerSpan("ELV", date(2022, 6, 28))),
    "RTX": (TickerSpan("UTX", date(2003, 9, 10), date(2020, 4, 2)), TickerSpan("RTX", date(2020, 4, 3))),
}

LISTED: dict[str, date] = {
    "META": date(2012, 5, 18),
    "TSLA": date(2010, 6, 29),
    "ABBV": date(2013, 1, 2),
    "NOW": date(2012, 6, 29),
    "GOOGL": date(2004, 8, 19),
    "V": date(2008, 3, 19),
    "MA": date(2006, 5, 25),
    "AVGO": date(2009, 8, 6),
    "CRM": date(2004, 6, 23),
    "ZTS": date(2013, 2, 1),
    "BX": date(2007, 6, 22),
    "XLC": date(2018, 6, 19),
    "XLRE": date(2015, 10, 8),
    "VTEB": date(2015, 8, 25),
    "IEFA": date(2012, 10, 24),
    "FTEC": date(2013, 10, 24),
    "SMH": date(2011, 12, 21),
    "SCHG": date(2009, 12, 11),
    "SCHV": date(2009, 12, 11),
    "GLD": date(2004, 11, 18),
    "SLV": date(2006, 4, 28),
    "DBA": date(2007, 1, 5),
    "USO": date(2006, 4, 10),
}
