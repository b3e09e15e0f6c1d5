from datetime import UTC, datetime

import orjson
import polars as pl
import pytest

from tickstock_dagster.adapters.sources.massive.announcements import news_page
from tickstock_dagster.adapters.sources.protocol import NEWS_SCHEMA, MalformedAnswerError

AFTER, UNTIL = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC)
ARTICLE = {
    "id": "a1",
    "title": "Abcd reports",
    "published_utc": "2026-01-05T12:30:00Z",
    "article_url": "https://news.example/a1",
    "publisher": {"name": "The Daily Tape"},
    "tickers": ["ABCD", "EFGH"],
}


def page(*rows, **changed):
    body = orjson.dumps({"status": "OK", "count": len(rows), "results": list(rows), **changed})
    return news_page(body, "ABCD", AFTER, UNTIL)


def test_an_article_is_read_with_its_time_and_the_tickers_that_it_names():
    frame = page(ARTICLE).frame
    assert frame.schema == pl.Schema(NEWS_SCHEMA)
    at = datetime(2026, 1, 5, 12, 30, tzinfo=UTC)
    assert frame.row(0) == (at, "Abcd reports", "The Daily Tape", "https://news.example/a1", ["ABCD", "EFGH"])


def test_the_vendors_count_of_news_proves_nothing_but_that_there_are_none():
    assert page(ARTICLE, count=10).frame.height == 1
    assert page(count=0).frame.is_empty()
    with pytest.raises(MalformedAnswerError, match="no results, and count 3"):
        page(count=3, results=None)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"published_utc": "yesterday"}, "published_utc 'yesterday' is not a time"),
        ({"published_utc": "2026-01-07T00:00:00Z"}, "which was not requested"),
        ({"tickers": "ABCD"}, "tickers is 'ABCD' instead of a list"),
        ({"tickers": ["EFGH"]}, "does not name ABCD"),
        ({"title": None}, "has no title"),
    ],
)
def test_an_odd_article_is_set_aside_alone(changed, words):
    found = page(ARTICLE, {**ARTICLE, **changed})
    assert found.frame.height == 1
    assert words in found.odd[0]


def test_an_answer_about_another_ticker_is_refused():
    with pytest.raises(MalformedAnswerError, match="no row of 1 names ABCD"):
        page({**ARTICLE, "tickers": ["EFGH"]})


def test_articles_without_a_publisher_or_with_odd_tickers_are_evidence_all_the_same():
    frame = page({**ARTICLE, "publisher": "The Daily Tape", "tickers": ["ABCD", 7, "a b"]}).frame
    assert (frame["publisher"][0], frame["tickers"][0].to_list()) == (None, ["ABCD"])
