"""Checks of a session's prices, volumes and funds: they read its findings, which are read or made once for all."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from tickstock_dagster.adapters.quality.etf_tracking import read_tracking
from tickstock_dagster.adapters.quality.judged import SessionFindings, current_findings, newest_findings
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.judging.findings import Verdict
from tickstock_dagster.core.judging.known_days import special_session
from tickstock_dagster.core.judging.thresholds import THRESHOLDS
from tickstock_dagster.core.loading.end_of_day import latest_due_session
from tickstock_dagster.core.markdown import markdown_table
from tickstock_dagster.core.quality.etf_tracking import SIGMAS, Tracking
from tickstock_dagster.core.quality.home_markets import HOME_CALENDARS
from tickstock_dagster.core.quality.lifecycle import Finding
from tickstock_dagster.defs.bars.assets import session_bars
from tickstock_dagster.defs.resources import Clock, WarehouseResource
from tickstock_dagster.defs.runs import failures

_DESCRIPTIONS = {
    "price_moves": "No tracked close is 20 % off the one before, unless something that is known accounts for it.",
    "volume_levels": "No tracked volume is above 5 × or below 0.2 × the usual one per minute, unless explained.",
    "etf_tracking": "On the latest session due, no ETF is far from its reference, unless its home market was closed.",
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
    calendar, now = warehouse.calendar(MARKET), clock.now()
    with failures():
        engine, due = warehouse.engine(), latest_due_session(calendar, now)
        day = newest_findings(engine, calendar, now)
        special = special_session(calendar, day.session) or "an ordinary session"
        if "price_moves" in selected:
            yield _price_moves(day, special)
        if "volume_levels" in selected:
            low, high = (THRESHOLDS[rule].default for rule in ("volume_drought", "volume_spike"))
            limits = f"{low:g} to {high:g} times the expected volume"
            yield _result("volume_levels", day, special, limits, _volumes(_standing(day, "volume_levels")))
        if "etf_tracking" in selected:
            of_due = day if day.session == due else current_findings(engine, calendar, due)
            # The funds whose home market was closed, far or not, are shown as well.
            homes = {key: warehouse.calendar(key) for key in HOME_CALENDARS}
            yield _etf_tracking(of_due, read_tracking(engine, calendar, homes, due))


def _price_moves(day: SessionFindings, special: str) -> dg.AssetCheckResult:
    explained = [one for one in day.of_rule(*_RULES["price_moves"]) if one.verdict is Verdict.EXPLAINED]
    sample = ", ".join(f"{one.ticker} {_move(one)} ({one.cause})" for one in explained[:_SHOWN])
    facts: dict[str, int | str] = {"explained": len(explained), "explanations": sample or "none"}
    return _result(
        "price_moves",
        day,
        special,
        f"{THRESHOLDS['price_move'].default:.0%}",
        _moves(_standing(day, "price_moves")),
        **facts,
    )


def _etf_tracking(day: SessionFindings, funds: Sequence[Tracking]) -> dg.AssetCheckResult:
    found, known = day.of_rule("reference_gap"), {fund.security_id: fund for fund in funds}
    far = [one for one in found if one.verdict is not Verdict.EXPLAINED]
    explained = {one.ticker for one in found if one.verdict is Verdict.EXPLAINED}
    rows = []
    for one in far[:10]:
        fund = known.get(one.key.security_id)
        moves = (f"{one.evidence[name]:+.2%}" for name in ("own_return", "expected"))
        home = fund.home.words() if fund and fund.home else None
        rows.append((one.ticker, fund and fund.reference, *moves, f"{one.value:+.1f}", home))
    head = ["ETF", "reference", "moved", "expected", "sigmas", "home market"]
    table = markdown_table(head, rows, right=head[2:5])
    closed = [
        f"- {fund.ticker}{' (explained)' if fund.ticker in explained else ''}: {fund.home.words()}"
        for fund in funds
        if fund.home is not None and fund.home.closed
    ]
    return dg.AssetCheckResult(
        asset_key=session_bars.key,
        check_name="etf_tracking",
        passed=not far,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "session": str(day.session),
            "value": len(far),
            "threshold": 0,
            "sigmas": SIGMAS,
            "judged": len(funds),
            "explained": len(explained),
            "far": dg.MetadataValue.md(table if far else "none"),
            "home_closed": dg.MetadataValue.md("\n".join(closed[:50]) or "none"),
        },
    )


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
