"""Members of the synthetic market: named, odd, invented ones up to the requested size, and the shipped ETFs.

The ETFs of the shipped list come on top of the size. The n-th invented ticker is the same for any size, so a larger
market contains every smaller one.
"""

import numpy as np

from tickstock_dagster.simulator.market.securities import Security, SplitEvent, TickerSpan, generator, stable_hash
from tickstock_dagster.simulator.market.sessions import FIRST_DAY, Sessions
from tickstock_dagster.simulator.market.symbol_types import SIC_CODES
from tickstock_dagster.simulator.synthetic.catalogue import SECTORS, Listing, Traits, named_listings
from tickstock_dagster.simulator.synthetic.funds import shipped_listings, shipped_shares
from tickstock_dagster.simulator.synthetic.history import LISTED, RENAMES, SPLITS
from tickstock_dagster.simulator.synthetic.oddities import Member, odd_members
from tickstock_dagster.simulator.synthetic.prices import ANCHOR


def _cik(key: str) -> str:
    return f"{1_000_000 + stable_hash(f'cik:{key}') % 800_000:010d}"


def _named_members() -> list[Member]:
    members: list[Member] = []
    for listing in named_listings():
        listed = LISTED.get(listing.ticker)
        spans = RENAMES.get(listing.ticker) or (TickerSpan(listing.ticker, listed or FIRST_DAY),)
        stock = listing.equity_type == "CS"
        security = Security(
            key=listing.ticker,
            name=listing.name,
            equity_type=listing.equity_type,
            exchange=listing.exchange,
            cik=_cik(listing.ticker) if stock else None,
            spans=spans,
            list_date=listed,
            shares=int(listing.traits.daily_shares * 160) if stock else _fund_shares(listing),
            sic=SIC_CODES[listing.traits.follows] if stock else None,
            shares_as_of=ANCHOR,
        )
        members.append((security, listing.traits, SPLITS.get(listing.ticker, ())))
    return members


def _fund_shares(listing: Listing) -> int:
    return shipped_shares(listing) or int(listing.traits.daily_shares * 15)


def _shipped_members(taken: set[str]) -> list[Member]:
    """The ETFs of the shipped list whose tickers are not taken."""
    members: list[Member] = []
    for listing, inception in shipped_listings():
        if listing.ticker in taken:
            continue
        listed = inception if inception and inception > FIRST_DAY else None
        security = Security(
            key=listing.ticker,
            name=listing.name,
            equity_type=listing.equity_type,
            exchange=listing.exchange,
            cik=None,
            spans=(TickerSpan(listing.ticker, listed or FIRST_DAY),),
            list_date=listed,
            shares=_fund_shares(listing),
            shares_as_of=ANCHOR,
        )
        members.append((security, listing.traits, ()))
    return members


def _invented_splits(seed: int, ticker: str, calendar: Sessions) -> tuple[SplitEvent, ...]:
    """For a third of the invented tickers, about one split in four years; one in four of them a reverse one."""
    random = generator(seed, f"splits:{ticker}")
    if random.random() > 1 / 3:
        return ()
    splits = []
    at = 0
    while (at := at + int(random.integers(500, 1_500))) < len(calendar.days):
        ratio = float(random.choice([2, 2, 3, 4, 5, 10]))
        old, new = (ratio, 1.0) if random.random() < 1 / 4 else (1.0, ratio)
        splits.append(SplitEvent(calendar.days[at], old, new))
    return tuple(splits)


def _invented_ticker(seed: int, number: int, taken: set[str]) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    attempt = 0
    while True:
        value = stable_hash(f"ticker:{seed}:{number}:{attempt}")
        ticker = "".join(letters[(value >> (5 * place)) % 26] for place in range(4))
        if ticker not in taken:
            return ticker
        attempt += 1


def _invented_member(seed: int, number: int, ticker: str, calendar: Sessions) -> Member:
    random = generator(seed, f"member:{number}")
    fund = random.random() < 0.25
    sector = str(random.choice(list(SECTORS)))
    traits = Traits(
        price=round(float(np.exp(random.normal(3.6, 0.8))), 2),
        daily_shares=round(float(np.exp(random.normal(13.2, 1.3)))),
        dividend_yield=0.02 if random.random() < 0.4 else 0.0,
        follows=sector,
        beta=round(float(random.uniform(0.6, 1.5)), 2),
        own_volatility=0.002 if fund else round(float(random.uniform(0.012, 0.028)), 4),
    )
    listed = calendar.days[int(random.integers(0, 5_500))] if random.random() < 0.5 else None
    stem = f"{ticker.title()} {SECTORS[sector].title()}"
    security = Security(
        key=ticker,
        name=f"{stem} ETF" if fund else f"{stem} Inc.",
        equity_type="ETF" if fund else "CS",
        exchange="ARCX" if fund else str(random.choice(["XNYS", "XNAS", "XASE"], p=[0.4, 0.5, 0.1])),
        cik=None if fund else _cik(ticker),
        spans=(TickerSpan(ticker, listed or FIRST_DAY),),
        list_date=listed,
        shares=int(traits.daily_shares * 150),
        sic=None if fund else SIC_CODES[sector],
        shares_as_of=ANCHOR,
    )
    splits = () if fund else _invented_splits(seed, ticker, calendar)
    return security, traits, tuple(split for split in splits if listed is None or split.ex_date > listed)


def members_of(seed: int, symbols: int, calendar: Sessions) -> list[Member]:
    """At least `symbols` members, always with all named and odd ones, and the shipped ETFs on top."""
    members = _named_members() + odd_members()
    taken = {span.ticker for security, _, _ in members for span in security.spans}
    shipped = _shipped_members(taken)
    taken |= {security.key for security, _, _ in shipped}
    for number in range(max(symbols - len(members), 0)):
        ticker = _invented_ticker(seed, number, taken)
        taken.add(ticker)
        members.append(_invented_member(seed, number, ticker, calendar))
    return members + shipped
