"""News beside what nothing else accounts for: articles that name the security around the session.

An article is evidence for people, and never an excuse by itself: verdicts stay. Only suspicious moves and spikes are
asked about, the largest first, up to a number of calls.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from tickstock_dagster.adapters.sources.protocol import PermanentVendorError, ReferenceSource, VendorError
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.judging.findings import Verdict

ASKED_RULES = ("price_move", "open_gap", "volume_spike")
MOST_ASKED = 25
"""Tickers asked about in one go: a crash is not explained by ten thousand calls."""

SHOWN = 5
"""Articles that a finding's evidence keeps."""


@dataclass(slots=True)
class NewsDesk:
    """Looks news up for the findings of several sessions, up to a number of calls in all.

    Attributes:
        source: of news.
        calendar: the market's, in force.
        now: aware; nothing later is asked for.
        left: tickers and sessions that may still be asked about.
    """

    source: ReferenceSource
    calendar: SessionCalendar
    now: datetime
    left: int = MOST_ASKED

    def with_news(self, findings: pl.DataFrame) -> pl.DataFrame:
        """The findings, with `news` and `news_articles` in the evidence of those that were asked about.

        Where the source has no news nothing is asked; where a call fails, its evidence says so, and the others go on.

        Args:
            findings: `core.judging.findings.FINDING_SCHEMA`.
        """
        wanted = findings.filter(
            (pl.col("verdict") == Verdict.SUSPICIOUS.value) & pl.col("rule").is_in(ASKED_RULES)
        )  # fmt: skip
        if wanted.is_empty() or not self.source.capabilities.news:
            return findings
        size = pl.when(pl.col("rule") == "volume_spike").then(pl.col("value") / pl.col("threshold")).otherwise(
            pl.col("value").abs() / pl.col("threshold")
        )  # fmt: skip
        cells = wanted.sort(size, "ticker", descending=[True, False]).unique(
            ["ticker", "session"], keep="first", maintain_order=True
        )
        told: dict[tuple[str, Any], Mapping[str, Any]] = {}
        for ticker, session in cells.select("ticker", "session").head(self.left).iter_rows():
            after = self.calendar.closes_at(self.calendar.previous_session(session))
            until = min(self.calendar.opens_at(self.calendar.next_session(session)), self.now)
            self.left -= 1
            try:
                told[ticker, session] = _told(self.source.news(ticker, after, until))
            except PermanentVendorError as error:
                told[ticker, session] = {"news": f"not told: {error}"}
                self.left = 0  # the plan has no news: the others would be refused as well
                break
            except VendorError as error:
                told[ticker, session] = {"news": f"not told: {error}"}
        evidence = [
            _joined(text, told.get((ticker, session)))
            if rule in ASKED_RULES and verdict == Verdict.SUSPICIOUS.value
            else text
            for ticker, session, rule, verdict, text in findings.select(
                "ticker", "session", "rule", "verdict", "evidence"
            ).iter_rows()
        ]
        return findings.with_columns(pl.Series("evidence", evidence, dtype=pl.String))


def _told(news: pl.DataFrame) -> dict[str, Any]:
    shown = news.head(SHOWN).with_columns(pl.col("published_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return {"news_articles": news.height, "news": shown.select("published_at", "title", "publisher", "url").to_dicts()}


def _joined(evidence: str, told: Mapping[str, Any] | None) -> str:
    return evidence if told is None else json.dumps(json.loads(evidence) | dict(told))
