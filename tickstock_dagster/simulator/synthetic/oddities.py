"""Invented securities that are awkward on purpose: each stands for a trap of real market data.

| ticker | trap |
|---|---|
| OLDC -> NEWC | renamed on 2026-08-17, same composite FIGI |
| FBXX -> FBYY | renamed on 2025-03-10, between two splits |
| RUSE | an old company's ticker until 2019, another company's since 2026-03-02 (other FIGI) |
| META | a fund's ticker from 2021-06-30 to 2022-01-28 (the fund became METV), the company's since 2022-06-09 |
| GONE | delisted: last session 2026-09-29 |
| GONA | delisted long ago: last session 2016-03-31 |
| IPOX, IPOY | listed 2026-10-15 and 2025-06-12 |
| SPLT, RSPL | 3-for-1 on 2026-09-14; 1-for-10 on 2026-06-15 |
| THIN, THNR | trade on 70 % and 35 % of sessions, tiny volume |
| BRK.A, ABCpA, ABC.U | class share, lower-case preferred, unit |
| BLNK | a row without type, exchange and CIK |
| ZVZZT | a test issue |
| PENY | trades below one dollar: four decimals |
| TRUE, NA | tickers that careless readers take for a boolean and for a missing value |
"""

from datetime import date

from tickstock_dagster.simulator.market.securities import Security, SplitEvent, TickerSpan
from tickstock_dagster.simulator.market.sessions import FIRST_DAY
from tickstock_dagster.simulator.synthetic.catalogue import Traits
from tickstock_dagster.simulator.synthetic.prices import ANCHOR

Member = tuple[Security, Traits, tuple[SplitEvent, ...]]


def _member(
    key: str,
    name: str,
    traits: Traits,
    *,
    equity_type: str | None = "CS",
    exchange: str | None = "XNYS",
    cik: str | None = "0009900000",
    spans: tuple[TickerSpan, ...] = (),
    list_date: date | None = None,
    delisted_on: date | None = None,
    splits: tuple[SplitEvent, ...] = (),
) -> Member:
    held = spans or (TickerSpan(key, list_date or FIRST_DAY),)
    security = Security(
        key,
        name,
        equity_type,
        exchange,
        cik,
        held,
        list_date,
        delisted_on,
        shares=int(traits.daily_shares * 180),
        shares_as_of=ANCHOR,
    )
    return security, traits, splits


def odd_members() -> list[Member]:
    """All odd members, each with its traits and splits."""
    calm, wild = Traits(40, 900_000, 0.015), Traits(18, 400_000, beta=1.3, own_volatility=0.025)
    return [
        _member(
            "NEWC",
            "Newco Inc.",
            calm,
            exchange="XNAS",
            cik="0009900001",
            spans=(TickerSpan("OLDC", date(2019, 3, 1), date(2026, 8, 14)), TickerSpan("NEWC", date(2026, 8, 17))),
            list_date=date(2019, 3, 1),
        ),
        _member(
            "FBYY",
            "Forebay Systems Inc.",
            wild,
            exchange="XNAS",
            cik="0009900002",
            spans=(TickerSpan("FBXX", date(2011, 5, 2), date(2025, 3, 7)), TickerSpan("FBYY", date(2025, 3, 10))),
            list_date=date(2011, 5, 2),
            splits=(SplitEvent(date(2024, 11, 18), 1, 2), SplitEvent(date(2025, 9, 15), 1, 4)),
        ),
        _member(
            "RUSE:old",
            "Ruse Railways Corp.",
            calm,
            cik="0009900003",
            spans=(TickerSpan("RUSE", date(2005, 4, 4), date(2019, 6, 28)),),
            list_date=date(2005, 4, 4),
            delisted_on=date(2019, 7, 1),
        ),
        _member("RUSE", "Reuse Robotics Inc.", wild, exchange="XNAS", cik="0009900004", list_date=date(2026, 3, 2)),
        _member(
            "METV",
            "Roundhill Ball Metaverse ETF",
            Traits(15, 300_000, follows="T", own_volatility=0.003),
            equity_type="ETF",
            exchange="ARCX",
            cik=None,
            spans=(TickerSpan("META", date(2021, 6, 30), date(2022, 1, 28)), TickerSpan("METV", date(2022, 1, 31))),
            list_date=date(2021, 6, 30),
        ),
        _member(
            "GONE",
            "Gone Tomorrow Corp.",
            wild,
            cik="0009900005",
            spans=(TickerSpan("GONE", date(2014, 2, 3), date(2026, 9, 29)),),
            list_date=date(2014, 2, 3),
            delisted_on=date(2026, 9, 30),
        ),
        _member(
            "GONA",
            "Gonasco Holdings",
            calm,
            cik="0009900006",
            spans=(TickerSpan("GONA", FIRST_DAY, date(2016, 3, 31)),),
            delisted_on=date(2016, 4, 1),
        ),
        _member("IPOX", "Ipox Robotics Inc.", wild, exchange="XNAS", cik="0009900007", list_date=date(2026, 10, 15)),
        _member("IPOY", "Ipoy Energy Inc.", calm, cik="0009900008", list_date=date(2025, 6, 12)),
        _member("SPLT", "Splitter Group", calm, cik="0009900009", splits=(SplitEvent(date(2026, 9, 14), 1, 3),)),
        _member(
            "RSPL", "Reverse Splitter Inc.", wild, cik="0009900010", splits=(SplitEvent(date(2026, 6, 15), 10, 1),)
        ),
        _member("THIN", "Thinly Traded Trust", Traits(27, 350, own_volatility=0.006, trades_on=0.7), cik="0009900011"),
        _member("THNR", "Thinner Traded Trust", Traits(9, 90, own_volatility=0.008, trades_on=0.35), cik="0009900012"),
        _member("BRK.A", "Berkshire Hathaway Inc. Class A", Traits(742_000, 600), cik="0001067983"),
        _member(
            "ABCpA",
            "Abc Corp. 6.25% Series A Preferred",
            Traits(24, 9_000, 0.06, beta=0.2),
            equity_type="PFD",
            cik="0009900013",
        ),
        _member(
            "ABC.U",
            "Abc Acquisition Corp. Units",
            Traits(10.2, 5_000, beta=0.05, own_volatility=0.002),
            equity_type="UNIT",
            cik="0009900014",
            list_date=date(2024, 5, 6),
        ),
        _member("BLNK", "Blank Fields Inc.", wild, equity_type=None, exchange=None, cik=None),
        _member("ZVZZT", "NASDAQ TEST STOCK", Traits(20, 2_000, own_volatility=0.03), exchange="XNAS", cik=None),
        _member(
            "PENY",
            "Penny Mining Ltd.",
            Traits(0.42, 3_000_000, beta=0.8, own_volatility=0.03),
            exchange="XASE",
            cik="0009900015",
        ),
        _member("TRUE", "True Believers Inc.", calm, exchange="XNAS", cik="0009900016"),
        _member("NA", "Nano Labs Ltd", wild, exchange="XNAS", cik="0009900017"),
    ]
