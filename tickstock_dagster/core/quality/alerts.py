"""The event that tells of a finding: its channel by the rule, its identity by the finding and its verdict."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tickstock_dagster.core.events.envelope import (
    DataStale,
    Event,
    EventData,
    PriceAnomaly,
    VolumeDrought,
    VolumeSpike,
)
from tickstock_dagster.core.judging.findings import RULES, Verdict
from tickstock_dagster.core.quality.lifecycle import STALE, Finding

_DROUGHTS = frozenset({"volume_drought", "no_volume"})


def finding_event(
    finding: Finding, told: Verdict | None, *, market: str, number: int, run_id: str | None, now: datetime
) -> Event:
    """The event of a finding that is published.

    Args:
        finding: as it stands.
        told: the verdict that its last event told; None for the first one.
        market: MIC of the calendar.
        number: of its verdict in the history: a verdict that comes again later is another event.
        run_id: the Dagster run; None outside of Dagster.
        now: aware.
    """
    facts: dict[str, Any] = {
        "market": market,
        "symbol": finding.ticker,
        "session": finding.key.session,
        "rule": finding.key.rule,
        "dataset": finding.key.dataset,
        "verdict": str(finding.verdict),
        "was": told and str(told),
        "severity": str(finding.severity),
        "cause": finding.cause,
        "value": finding.value,
        "threshold": finding.threshold,
        "unit": RULES[finding.key.rule].unit,
        "evidence": dict(finding.evidence),
        "would_change": finding.would_change,
        "settled_by": finding.settled_by,
        "run_id": run_id,
    }
    gap = f"{finding.key.security_id}/{finding.key.session}"
    key = f"{gap}/{finding.key.rule}/{finding.key.dataset}/{number}"
    data: EventData
    if finding.key.rule == STALE:
        # The first one has the identity that it always had: a gap that was published before is not published again.
        key = gap if told is None else f"{gap}/{number}"
        data = DataStale(**facts, **_gap(finding.evidence))
    elif finding.key.rule == "volume_spike":
        data = VolumeSpike(**facts)
    elif finding.key.rule in _DROUGHTS:
        data = VolumeDrought(**facts)
    else:
        data = PriceAnomaly(**facts)
    return Event.of(data, time=now, dedupe_key=key)


def _gap(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that `data_stale` alone has."""
    return {
        "last_session": evidence["last_session"],
        "first_missing": evidence["first"],
        "last_missing": evidence["last"],
        "missing_sessions": evidence["sessions"],
        "reason": evidence["reason"],
    }
