"""Findings from the Launchpad: a job with the verbs of `tickstock quality` and a typed configuration."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from enum import Enum
from typing import Any

import dagster as dg
from pydantic import Field

from tickstock_dagster.adapters.quality.analysis import analyze_symbol_quality
from tickstock_dagster.adapters.quality.browsing import (
    Filter,
    find_finding,
    list_findings,
    list_verdicts,
    range_given,
    rule_given,
    session_given,
    show_finding,
)
from tickstock_dagster.adapters.quality.decisions import decide, decide_range
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.markdown import markdown_table
from tickstock_dagster.core.quality.lifecycle import State
from tickstock_dagster.defs.resources import Clock, RedisNotifications, WarehouseResource
from tickstock_dagster.defs.runs import failures

_MOST = 50


class Verb(Enum):
    """What to do."""

    LIST = "list"
    SHOW = "show"
    RELEASE = "release"
    CONFIRM = "confirm"
    HISTORY = "history"
    ANALYZE = "analyze"


class FindingsConfig(dg.Config):
    """What to do with which finding; empty fields choose nothing."""

    verb: Verb = Field(
        Verb.LIST, description="list, show, release (the row is right), confirm (it is wrong), history or analyze."
    )
    finding: str = Field("", description="Of show, release, confirm: its number, or TICKER SESSION RULE.")
    symbol: str = Field("", description="Of list, history and analyze: a ticker; of release and confirm: of a range.")
    session: str = Field("", description="Of list and analyze: a session, YYYY-MM-DD.")
    rule: str = Field("", description="Of list: a rule; of release and confirm without a finding: of a range.")
    since: str = Field("", description="Of release and confirm without a finding: first session of a range.")
    until: str = Field("", description="Of release and confirm without a finding: last session; empty: no end.")
    reason: str = Field("", description="Of release and confirm: why.")
    by: str = Field("", description="Of release and confirm: who decides.")


@dg.op(name="findings")
def findings(
    context: dg.OpExecutionContext,
    config: FindingsConfig,
    warehouse: WarehouseResource,
    notifications: RedisNotifications,
    clock: Clock,
) -> None:
    """Show findings, or decide about one; the answer is in the output's metadata."""
    with failures():
        answer = _answer(config, warehouse, clock, context.run_id)
    sent = notifications.dispatch()
    if sent.error:
        context.log.warning("%s notifications wait: %s", sent.left, sent.error)
    context.add_output_metadata(answer)


@dg.job(description="Shows findings, releases and confirms them. Enter the configuration in the Launchpad.")
def quality_findings() -> None:
    """One question, or one decision."""
    findings()


def _answer(config: FindingsConfig, warehouse: WarehouseResource, clock: Clock, run_id: str) -> dict[str, Any]:
    engine, now = warehouse.engine(), clock.now()
    session = session_given(config.session) if config.session else None
    if config.verb is Verb.LIST:
        rule = rule_given(config.rule) if config.rule else None
        rows = list_findings(engine, Filter(session=session, rule=rule, ticker=config.symbol or None), _MOST)
        return _table(rows, ("anomaly_id", "session", "ticker", "rule", "verdict", "state", "value", "cause"))
    if config.verb is Verb.HISTORY:
        rows = list_verdicts(engine, config.symbol or None, _MOST)
        return _table(rows, ("given_at", "how", "ticker", "session", "rule", "verdict", "given_by", "cause"))
    if config.verb is Verb.ANALYZE:
        return _report(config, warehouse, session, clock)
    if config.verb is Verb.SHOW:
        facts, history = show_finding(engine, find_finding(engine, config.finding.split()))
        words = json.dumps({**facts, "history": history}, indent=2, default=str)
        return {"finding": dg.MetadataValue.md(f"```json\n{words}\n```")}
    if not config.by.strip():
        raise BadInputError("by", config.by, "who decides")
    state = State.RELEASED if config.verb is Verb.RELEASE else State.CONFIRMED
    who: dict[str, Any] = {"by": config.by, "why": config.reason, "run_id": run_id, "now": now}
    if config.finding:
        if config.symbol or config.rule or config.since or config.until:
            accepted = "one finding, or a range without one: not with symbol, rule, since or until"
            raise BadInputError("finding", config.finding, accepted)
        made = [decide(engine, find_finding(engine, config.finding.split()), state, **who)]
    else:
        given = {"symbol": config.symbol, "rule": config.rule, "since": config.since, "until": config.until}
        made = [*decide_range(engine, range_given(given, lambda name, text: session_given(text, name)), state, **who)]
    return {
        "findings": sum(len(one.findings) for one in made),
        "bars_put_back": sum(one.bar_put_back for one in made),
        "bars_set_aside": sum(one.bar_set_aside for one in made),
    }


def _report(config: FindingsConfig, warehouse: WarehouseResource, session: date | None, clock: Clock) -> dict[str, Any]:
    calendar, now = warehouse.calendar(MARKET), clock.now()
    latest = calendar.latest_closed_session(now)
    day = session or latest
    if day > latest or not calendar.is_session(day):
        raise BadInputError("session", day, f"a closed session of {MARKET}, the latest is {latest}")
    if not config.symbol:
        raise BadInputError("symbol", config.symbol, "a ticker")
    found = analyze_symbol_quality(warehouse.engine(), calendar, config.symbol, day, now)
    scores = found.scores
    return {
        "symbol": found.symbol,
        "session": str(found.session),
        "price_score": scores.price,
        "volume_score": scores.volume,
        "freshness_score": scores.freshness,
        "overall_score": scores.overall,
        "anomalies": ", ".join(f"{one.key.rule} {one.verdict}" for one in found.findings) or "none",
        "recommendations": dg.MetadataValue.md("\n".join(f"- {one}" for one in found.recommendations) or "none"),
    }


def _table(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    shown = markdown_table(names, [tuple(row[name] for name in names) for row in rows])
    return {"count": len(rows), "findings": dg.MetadataValue.md(shown if rows else "none")}
