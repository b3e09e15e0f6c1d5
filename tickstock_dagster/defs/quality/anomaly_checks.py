"""Checks of a session's prices and volumes: they read its findings, which allow for half days and holidays."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from tickstock_dagster.adapters.quality.judged import SessionFindings, newest_findings
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.markdown import markdown_table
from tickstock_dagster.core.quality.bar_anomalies import (
    PRICE_LIMIT,
    VOLUME_DROUGHT,
    VOLUME_SPIKE,
    special_session,
)
from tickstock_dagster.core.quality.findings import Verdict
from tickstock_dagster.core.quality.lifecycle import Finding
from tickstock_dagster.defs.bars.assets import session_bars
from tickstock_dagster.defs.resources import Clock, WarehouseResource
from tickstock_dagster.defs.runs import failures

_DESCRIPTIONS = {
    "price_moves": "No tracked close is 20 % off the one before, unless something that is known accounts for it.",
    "volume_levels": "No tracked volume is above 5 × or below 0.2 × the usual one per minute, unless explained.",
}
_RULES = {"price_moves": ("price_move",), "volume_levels": ("volume_spike", "volume_drought")}
"""The rules of which each check reads the findings."""

_SHOWN = 10


@dg.multi_asset_check(
    specs=[dg.AssetCheckSpec(name, asset=session_bars, description=words) for name, words in _DESCRIPTIONS.items()],
    can_subset=True,
)
def anomaly_checks(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, clock: Clock
) -> Iterator[dg.AssetCheckResult]:
    """WARN, for the newest session with bars, not only this run's partitions. The checks change no data."""
    selected = {key.name for key in context.selected_asset_check_keys}
    calendar = warehouse.calendar(MARKET)
    with failures():
        day = newest_findings(warehouse.engine(), calendar, clock.now())
        special = special_session(calendar, day.session) or "an ordinary session"
        if "price_moves" in selected:
            yield _price_moves(day, special)
        if "volume_levels" in selected:
            limits = f"{VOLUME_DROUGHT} to {VOLUME_SPIKE:g} times the expected volume"
            yield _result("volume_levels", day, special, limits, _volumes(_standing(day, "volume_levels")))


def _price_moves(day: SessionFindings, special: str) -> dg.AssetCheckResult:
    explained = [one for one in day.of_rule(*_RULES["price_moves"]) if one.verdict is Verdict.EXPLAINED]
    sample = ", ".join(f"{one.ticker} {_move(one)} ({one.cause})" for one in explained[:_SHOWN])
    facts: dict[str, int | str] = {"explained": len(explained), "explanations": sample or "none"}
    return _result("price_moves", day, special, f"{PRICE_LIMIT:.0%}", _moves(_standing(day, "price_moves")), **facts)


def _standing(day: SessionFindings, name: str) -> list[Finding]:
    """The findings behind a check that nothing explains, the furthest off first."""
    return [one for one in day.of_rule(*_RULES[name]) if one.verdict is not Verdict.EXPLAINED]


def _moves(found: Sequence[Finding]) -> str:
    head = ["symbol", "last close", "close", "fair value", "moved", "verdict", "what it looks like"]
    rows = [
        (
            one.ticker,
            *(_price(one.evidence.get(name)) for name in ("last_close", "close", "fair_value")),
            _move(one),
            str(one.verdict),
            one.cause,
        )
        for one in found[:_SHOWN]
    ]
    return markdown_table(head, rows, right=head[1:5])


def _move(one: Finding) -> str:
    """The move of a close, with its sign."""
    before, close = one.evidence.get("last_close"), one.evidence.get("close")
    return f"{close / before - 1:+.1%}" if before and close else f"{one.value:.1%}"


def _volumes(found: Sequence[Finding]) -> str:
    head = ["symbol", "volume", "expected", "times"]
    rows = [
        (one.ticker, *(_shares(one.evidence.get(name)) for name in ("volume", "expected")), f"{one.value:.2f}")
        for one in found[:_SHOWN]
    ]
    return markdown_table(head, rows, right=head[1:])


def _price(value: Any) -> str | None:
    return None if value is None else f"{value:.4f}"


def _shares(value: Any) -> str | None:
    return None if value is None else f"{value:,.0f}"


def _result(
    name: str, day: SessionFindings, special: str, threshold: str, table: str, **facts: int | str
) -> dg.AssetCheckResult:
    value = len(_standing(day, name))
    return dg.AssetCheckResult(
        asset_key=session_bars.key,
        check_name=name,
        passed=value == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "session": str(day.session),
            "special": special,
            "judged": day.printed,
            "value": value,
            "threshold": threshold,
            "worst": dg.MetadataValue.md(table if value else "none"),
            **facts,
        },
    )
