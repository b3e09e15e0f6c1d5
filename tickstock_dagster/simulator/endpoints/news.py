"""News: some articles a day about listed companies, and one for each step of an offering."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import Any

from tickstock_dagster.simulator import wire
from tickstock_dagster.simulator.http import pages
from tickstock_dagster.simulator.http.call import Call
from tickstock_dagster.simulator.http.pages import ListShape, list_answer
from tickstock_dagster.simulator.market.offerings import Offering, offerings
from tickstock_dagster.simulator.market.securities import Security, stable_hash

FIRST_DAY = date(2024, 1, 1)
"""The vendor's own news go back further."""

_ARTICLES_A_DAY = 8

_PUBLISHERS = ("Market Gazette", "The Daily Tape", "Floor Notes", "Quarterly Wire")
_SUBJECTS = (
    ("reports quarterly results", "earnings", "neutral"),
    ("raises its outlook", "guidance", "positive"),
    ("cuts its outlook", "guidance", "negative"),
    ("names a new chief executive", "management", "neutral"),
    ("is upgraded by analysts", "ratings", "positive"),
    ("faces a regulator's questions", "regulation", "negative"),
)


def _instant(value: str, name: str) -> str:
    """A date or an RFC 3339 instant as the text that rows are compared with."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise wire.bad_request(
            f"Could not parse the time parameter: '{name}'. Use YYYY-MM-DD or RFC3339 timestamps"
        ) from None
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


NEWS = ListShape(
    filters={"published_utc": _instant},
    sorts=("published_utc",),
    default_sort="published_utc.desc",
    default_limit=10,
    max_limit=1_000,
    new_style=False,
    tie="id",
)
_OF_TICKERS = ListShape({"ticker": pages.text}, (), "", 10, 1_000, new_style=False, tie="id")


def news(call: Call) -> dict[str, Any]:
    """`/v2/reference/news`: what is published by the vendor's instant, newest first."""
    query = pages.opened(call.query)
    rows = call.tape.remembered(("news", call.today), lambda: list(_articles(call)))
    now = _instant(call.now.isoformat(), "now")
    asked = pages.conditions(_OF_TICKERS, query)
    rows = [
        row
        for row in rows
        if row["published_utc"] <= now
        and (not asked or any(pages.keeps({"ticker": ticker}, asked) for ticker in row["tickers"]))
    ]
    return list_answer(NEWS, rows, query, f"{call.origin}{call.path}")


def _articles(call: Call) -> Iterator[dict[str, Any]]:
    data, seed = call.tape.data, call.tape.seed
    companies = [security for security in data.listed if security.cik]
    day = FIRST_DAY
    while companies and day <= call.today:
        for number in range(_ARTICLES_A_DAY):
            chance = stable_hash(f"news:{seed}:{day}:{number}")
            about = [companies[chance % len(companies)], companies[(chance >> 20) % len(companies)]]
            named = [one for one in about[: 1 + (chance >> 40) % 2] if one.ticker_on(day)]
            if named:
                yield _article(chance, day, named)
        day += timedelta(days=1)
    for offering in offerings(data, seed, call.today):
        yield from _steps(offering, call.today)


def _article(chance: int, day: date, about: list[Security]) -> dict[str, Any]:
    words, keyword, sentiment = _SUBJECTS[chance % len(_SUBJECTS)]
    tickers = list(dict.fromkeys(ticker for one in about if (ticker := one.ticker_on(day))))
    row = _row(chance, day, f"{about[0].name} {words}", keyword, tickers)
    reason = f"The article says that {about[0].name} {words}."
    return row | {"insights": [{"ticker": tickers[0], "sentiment": sentiment, "sentiment_reasoning": reason}]}


def _steps(offering: Offering, today: date) -> Iterator[dict[str, Any]]:
    given_up = "postpones" if offering.postponed else "withdraws"
    for day, words in (
        (offering.rumoured, "is said to prepare an initial public offering"),
        (offering.announced, "files for an initial public offering"),
        (offering.given_up, f"{given_up} its initial public offering"),
        (None if offering.given_up else offering.listing, "begins trading"),
    ):
        if day and FIRST_DAY <= day <= today:
            tickers = [offering.ticker] if offering.security and day >= offering.listing else []
            chance = stable_hash(f"news:{offering.key}:{day}")
            yield _row(chance, day, f"{offering.issuer} {words}", "ipo", tickers)


def _row(chance: int, day: date, title: str, keyword: str, tickers: list[str]) -> dict[str, Any]:
    publisher = _PUBLISHERS[chance % len(_PUBLISHERS)]
    home = f"https://www.{publisher.lower().replace(' ', '-')}.example"
    moment = datetime(day.year, day.month, day.day, 11, tzinfo=UTC) + timedelta(seconds=(chance >> 8) % 36_000)
    return {
        "id": blake2b(f"{chance}:{title}".encode(), digest_size=32).hexdigest(),
        "publisher": {"name": publisher, "homepage_url": f"{home}/", "logo_url": f"{home}/logo.svg"},
        "title": title,
        "author": f"{publisher} staff",
        "published_utc": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "article_url": f"{home}/{chance:x}",
        "tickers": tickers,
        "description": f"{title}, {publisher} writes.",
        "keywords": [keyword],
    }
