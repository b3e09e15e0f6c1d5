"""Checks of a session's prices and volumes, which allow for half days and holidays."""

from collections.abc import Iterator

import dagster as dg

from tickstock_dagster.adapters.quality.bar_anomalies import (
    SessionBars,
    evaluated_moves,
    newest_session_bars,
    volume_anomalies,
)
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.markdown import markdown_table
from tickstock_dagster.core.quality.bar_anomalies import EvaluatedMove
from tickstock_dagster.core.quality.thresholds import PRICE_MOVE, VOLUME_DROUGHT, VOLUME_SPIKE
from tickstock_dagster.defs.bars.assets import session_bars
from tickstock_dagster.defs.resources import Clock, WarehouseResource
from tickstock_dagster.defs.runs import failures

_DESCRIPTIONS = {
    "price_moves": f"No tracked close is {PRICE_MOVE.default * 100:g} % off the one before; on half days and after "
    "holidays: off its fair value.",
    "volume_levels": f"No tracked volume is above {VOLUME_SPIKE.default:g} × or below {VOLUME_DROUGHT.default:g} × the "
    "usual one, per minute of trading.",
}
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
        engine = warehouse.engine()
        day = newest_session_bars(engine, calendar, clock.now())
        if "price_moves" in selected:
            yield _price_moves(day, evaluated_moves(engine, calendar, day))
        if "volume_levels" in selected:
            odd = volume_anomalies(calendar, day)
            rows = [
                (ticker, f"{volume:,}", f"{due:,.0f}", f"{ratio:.2f}") for _, ticker, volume, due, ratio in odd.rows()
            ]
            head = ["symbol", "volume", "expected", "times"]
            table = markdown_table(head, rows[:_SHOWN], right=head[1:])
            limits = f"{VOLUME_DROUGHT.default} to {VOLUME_SPIKE.default:g} times the expected volume"
            yield _result("volume_levels", day, len(rows), limits + _of_types(day), table)


def _price_moves(day: SessionBars, moves: list[EvaluatedMove]) -> dg.AssetCheckResult:
    anomalies = [move for move in moves if move.is_anomaly]
    head = ["symbol", "last print", "last close", "close", "fair value", "off"]
    rows = [
        (
            move.ticker,
            move.last_session,
            f"{move.last_close:.4f}",
            f"{move.close:.4f}",
            None if move.fair_value is None else f"{move.fair_value:.4f}",
            f"{move.off:+.1%}",
        )
        for move in anomalies[:_SHOWN]
    ]
    excused = [f"{move.ticker} {move.close / move.last_close - 1:+.1%}" for move in moves if not move.is_anomaly]
    return _result(
        "price_moves",
        day,
        len(anomalies),
        f"{PRICE_MOVE.default:.0%}{_of_types(day)}",
        markdown_table(head, rows, right=head[2:]),
        excused_by_fair_value=len(excused),
        excused=", ".join(excused[:_SHOWN]) or "none",
    )


def _of_types(day: SessionBars) -> str:
    """That the types of some securities say otherwise, in words; empty where none does."""
    return f"; as their types say for {day.limits.height:,} securities" if day.limits.height else ""


def _result(
    name: str, day: SessionBars, value: int, threshold: str, table: str, **facts: int | str
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=session_bars.key,
        check_name=name,
        passed=value == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "session": str(day.session),
            "special": day.special or "an ordinary session",
            "judged": day.printed,
            "value": value,
            "threshold": threshold,
            "worst": dg.MetadataValue.md(table if value else "none"),
            **facts,
        },
    )
