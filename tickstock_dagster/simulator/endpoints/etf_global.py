"""Fund data of an ETF data provider, an add-on: profiles, taxonomies and fund flows, for every session.

Facts are published with a session's bars (`processed_date`) and describe that day, or some sessions earlier for the
funds that lag (`effective_date`). There are millions of rows in all, so only those of one page are built.
"""

from collections.abc import Callable, Iterator
from datetime import date
from itertools import islice
from typing import Any

import numpy as np

from tickstock_dagster.simulator import wire
from tickstock_dagster.simulator.endpoints.listings import EXCHANGES
from tickstock_dagster.simulator.http import pages
from tickstock_dagster.simulator.http.call import Call
from tickstock_dagster.simulator.http.pages import ListShape
from tickstock_dagster.simulator.market.market_data import MarketData
from tickstock_dagster.simulator.market.securities import FundFacts, Security, stable_hash

SHAPE = ListShape(
    filters={"composite_ticker": pages.text, "processed_date": pages.day, "effective_date": pages.day},
    sorts=("composite_ticker", "processed_date", "effective_date"),
    default_sort="composite_ticker.asc",
    default_limit=100,
    max_limit=5_000,
    new_style=True,
    tie="composite_ticker",
)

_LAG = 5
"""Sessions."""
_MONTH = 21
_VENUES = {mic: name for _, kind, name, _, mic, _, _ in EXCHANGES if kind == "exchange"}

Row = dict[str, Any]
Fund = tuple[Security, FundFacts]
Fill = Callable[[MarketData, Fund, date], Row]


def profiles(call: Call) -> Row:
    """`/etf-global/v1/profiles`: expenses in percent, AUM in US dollars."""
    return _answer(call, _profile)


def taxonomies(call: Call) -> Row:
    """`/etf-global/v1/taxonomies`: classification of funds, without AUM and costs."""
    return _answer(call, _taxonomy)


def fund_flows(call: Call) -> Row:
    """`/etf-global/v1/fund-flows`: net asset value a share, shares outstanding, and the day's flow in US dollars."""
    return _answer(call, _fund_flow)


def _answer(call: Call, fill: Fill) -> Row:
    query = pages.opened(call.query)
    limit = wire.parse_limit(query, SHAPE.default_limit, SHAPE.max_limit)
    offset = pages.offset_of(query)
    found = list(islice(_found(call, query), offset, offset + limit + 1))
    rows = [keys | fill(call.tape.data, fund, date.fromisoformat(keys["effective_date"])) for keys, fund in found]
    page = [{name: value for name, value in row.items() if value is not None} for row in rows[:limit]]
    answer: Row = {"results": page, "status": "OK", "count": len(page)}
    if len(found) > limit:
        cursor = pages.cursor_for(query, offset + limit, SHAPE.new_style)
        answer["next_url"] = f"{call.origin}{call.path}?cursor={cursor}"
    return answer


def _found(call: Call, query: dict[str, str]) -> Iterator[tuple[Row, Fund]]:
    """Ticker and days of the requested rows, in the requested order, each with its fund."""
    order = pages.sorting(SHAPE, query)
    descending = dict(order)
    asked = pages.conditions(SHAPE, query)
    of_ticker, of_day, of_effect = ([part for part in asked if part[0] == name] for name in SHAPE.filters)
    days = [
        (position, day)
        for position, day in enumerate(call.tape.calendar.days)
        if day <= call.today and pages.keeps({"processed_date": day.isoformat()}, of_day)
    ]
    days = [(position, day) for position, day in days if call.tape.is_published(day, call.view(adjusted=False))]
    days.sort(reverse=descending.get("processed_date", False))
    funds = [
        (security.last_ticker, (security, facts))
        for security, facts in call.tape.data.funds()
        if pages.keeps({"composite_ticker": security.last_ticker}, of_ticker)
    ]
    funds.sort(key=lambda fund: fund[0], reverse=descending.get("composite_ticker", False))

    def row(position: int, day: date, ticker: str, fund: Fund) -> Iterator[tuple[Row, Fund]]:
        effective = call.tape.calendar.days[max(position - _LAG, 0)] if fund[1].lags else day
        keys = {
            "composite_ticker": ticker,
            "processed_date": day.isoformat(),
            "effective_date": effective.isoformat(),
        }
        if fund[0].ticker_on(effective) and pages.keeps(keys, of_effect):
            yield keys, fund

    if "effective_date" in descending:
        if not (of_ticker or of_day):
            raise wire.bad_request("The simulator sorts by effective_date within some funds or some processed dates")
        found = [one for position, day in days for ticker, fund in funds for one in row(position, day, ticker, fund)]
        for name, reverse in reversed(order):
            found.sort(key=lambda one: str(one[0][name]), reverse=reverse)
        yield from found
    elif order[0][0] == "processed_date":
        for position, day in days:
            for ticker, fund in funds:
                yield from row(position, day, ticker, fund)
    else:
        for ticker, fund in funds:
            for position, day in days:
                yield from row(position, day, ticker, fund)


def _profile(data: MarketData, fund: Fund, day: date) -> Row:
    security, facts = fund
    series = data.series(security)
    end = int(np.searchsorted(series.ordinals, day.toordinal(), side="right"))
    shares = data.shares_on(security, day)
    close = float(series.close[end - 1]) if end else None
    percent = None if facts.expense_ratio is None else round(facts.expense_ratio * 100, 4)
    volumes = series.volume[max(end - _MONTH, 0) : end]
    return _description(security, facts) | {
        "issuer": facts.issuer,
        "inception_date": facts.inception_date.isoformat() if facts.inception_date else None,
        "listing_exchange": _VENUES.get(security.exchange or ""),
        "aum": None if close is None or shares is None else round(close * shares, 2),
        "avg_daily_trading_volume": round(float(volumes.mean()), 1) if end else None,
        "bid_ask_spread": 0.0002,
        "discount_premium": 0.0,
        "management_fee": percent,
        "other_expenses": 0,
        "fee_waivers": 0,
        "total_expenses": percent,
        "net_expenses": percent,
        "sector_exposure": _sectors(security) if facts.asset_class == "Equity" else None,
        "num_holdings": 20 + stable_hash(f"holdings:{security.key}") % 1_500,
        "options_available": 1,
    }


def _fund_flow(data: MarketData, fund: Fund, day: date) -> Row:
    """The value is within 0.3 % of the close; a fund that made no bar that day has none."""
    security, _ = fund
    series = data.series(security)
    end = int(np.searchsorted(series.ordinals, day.toordinal(), side="right"))
    printed = end > 0 and int(series.ordinals[end - 1]) == day.toordinal()
    premium = (stable_hash(f"premium:{security.key}:{day}") % 601 - 300) / 100_000
    nav = round(float(series.close[end - 1]) / (1 + premium), 4) if printed else None
    shares = data.shares_on(security, day)
    moved = (stable_hash(f"flow:{security.key}:{day}") % 201 - 100) / 10_000
    return {
        "nav": nav,
        "shares_outstanding": shares,
        "fund_flow": None if nav is None or shares is None else round(nav * shares * moved, 2),
    }


_SECTORS = ("communication_services", "consumer_discretionary", "energy", "financials", "health_care", "industrials",
            "information_technology", "materials", "real_estate", "utilities")  # fmt: skip


def _sectors(security: Security) -> Row:
    """Shares of assets by sector, the same every day; they add up to one."""
    sizes = {name: 1 + stable_hash(f"sector:{security.key}:{name}") % 100 for name in _SECTORS}
    return {name: round(size / sum(sizes.values()), 6) for name, size in sizes.items()}


def _taxonomy(_data: MarketData, fund: Fund, _day: date) -> Row:
    security, facts = fund
    return _description(security, facts) | {
        "issuer": facts.issuer,
        "country": "United States",
        "objective": "Tracks an index" if facts.benchmark else "Active",
        "weighting_methodology": "Market Capitalization" if facts.benchmark else "Proprietary",
        "holdings_disclosure_frequency": "Daily",
    }


def _description(security: Security, facts: FundFacts) -> Row:
    words = facts.category.lower()
    geared = "leveraged" in words or "inverse" in words
    abroad = ("world", "developed", "emerging", "global")
    return {
        "description": security.name,
        "asset_class": facts.asset_class,
        "category": facts.category,
        "focus": facts.category.partition(",")[0],
        "region": "Global" if any(word in words for word in abroad) else "North America",
        "primary_benchmark": facts.benchmark or "None",
        "product_type": "etn" if security.equity_type == "ETN" else "etf",
        "leverage_style": "leveraged" if geared else "unleveraged",
        "management_classification": "passive" if facts.benchmark else "active",
        "tax_classification": "Regulated Investment Company",
    }
