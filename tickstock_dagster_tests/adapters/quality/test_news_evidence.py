import json
from collections.abc import Iterator
from datetime import UTC, datetime

import polars as pl
import pytest

from tickstock_dagster.adapters.quality.news_evidence import NewsDesk
from tickstock_dagster.adapters.sources.massive.source import MassiveSource
from tickstock_dagster.adapters.sources.rate_limit import LocalRateLimiter
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.judging.findings import FINDING_SCHEMA
from tickstock_dagster.core.loading.vendor_plans import vendor_plan
from tickstock_dagster.simulator.testing import RunningSimulator

NOW = datetime(2026, 11, 20, 22, tzinfo=UTC)
CALENDAR = library_calendar(MARKET)
SESSIONS = CALENDAR.sessions_before(NOW.date(), 15)


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with RunningSimulator(now=NOW, api_keys=("paid=starter",), rate=(100_000, 1)) as running:
        yield running


@pytest.fixture
def source(simulator: RunningSimulator) -> Iterator[MassiveSource]:
    simulator.reset_stats()
    opened = MassiveSource("paid", simulator.url, vendor_plan("starter"), LocalRateLimiter(vendor_plan("starter")))
    yield opened
    opened.close()


def findings(tickers, *, rule="price_move", verdict="suspicious"):
    rows = [
        (number, session, ticker, rule, verdict, "warn", "", 0.3, 0.2, '{"close": 1.0}', "", None)
        for number, ticker in enumerate(tickers)
        for session in SESSIONS
    ]
    return pl.DataFrame(rows, schema=FINDING_SCHEMA, orient="row")


def test_articles_around_the_session_are_evidence_and_change_no_verdict(source):
    listed = source.listings()["ticker"].to_list()[:7]
    before = findings(listed)
    after = NewsDesk(source, CALENDAR, NOW, left=300).with_news(before)
    assert after.drop("evidence").equals(before.drop("evidence"))
    evidence = [json.loads(text) for text in after["evidence"]]
    assert all(one["close"] == 1.0 and "news_articles" in one for one in evidence)
    told = [one for one in evidence if one["news_articles"]]
    assert told, "the simulator writes about companies every day"
    assert all(
        {"published_at", "title", "publisher", "url"} == article.keys() for one in told for article in one["news"]
    )


def test_only_so_many_are_asked_about_and_none_that_is_explained(source, simulator):
    listed = source.listings()["ticker"].to_list()[:3]
    simulator.reset_stats()
    desk = NewsDesk(source, CALENDAR, NOW, left=4)
    for session in SESSIONS:
        desk.with_news(findings(listed).filter(pl.col("session") == session))
    assert simulator.stats()["total"] == 4
    explained = findings(listed, verdict="explained")
    assert NewsDesk(source, CALENDAR, NOW).with_news(explained).equals(explained)
    assert simulator.stats()["total"] == 4


def test_a_key_without_news_is_asked_once_and_the_evidence_says_so(source, simulator):
    listed = source.listings()["ticker"].to_list()[:3]
    stranger = MassiveSource("nobody", simulator.url, vendor_plan("starter"), LocalRateLimiter(vendor_plan("starter")))
    simulator.reset_stats()
    desk = NewsDesk(stranger, CALENDAR, NOW)
    after = desk.with_news(findings(listed))
    assert desk.with_news(after).equals(after)
    stranger.close()
    assert simulator.stats()["total"] == 1
    (told,) = (text for text in after["evidence"] if "not told" in text)
    assert "check MASSIVE_API_KEY" in told
