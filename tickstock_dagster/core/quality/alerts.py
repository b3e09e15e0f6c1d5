"""The event that tells of a finding: its channel by the rule, its identity by the finding and its verdict.

Where a session is off as a whole, its findings are told by one event, with their number and a sample.
"""

from collections.abc import Mapping, Sequence
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
from tickstock_dagster.core.quality.lifecycle import STALE, WHOLE, Finding, Step
from tickstock_dagster.core.quality.scores import distance

MOST_ALONE = 50
"""Findings of one rule, session and verdict up to which each has an event of its own."""

SAMPLE = 10
"""Symbols that the event of several findings names."""

_DROUGHTS = frozenset({"volume_drought", "no_volume"})


def told_together(steps: Sequence[Step]) -> list[tuple[Step, ...]]:
    """The steps that alert, by event: each alone; more than `MOST_ALONE` of a kind together, the furthest off first.

    Those about a session that is off as a whole are together, however few.
    """
    kinds: dict[object, list[Step]] = {}
    for step in steps:
        if step.alerts:
            key = step.finding.key
            kind = (key.session, key.rule, key.dataset, step.finding.verdict, step.told)
            kinds.setdefault(kind, []).append(step)
    events: list[tuple[Step, ...]] = []
    for alike in kinds.values():
        if len(alike) <= MOST_ALONE and alike[0].finding.key.rule != WHOLE:
            events += [(step,) for step in alike]
        else:
            off = [(-distance(one.finding.value, one.finding.threshold), one.finding.ticker) for one in alike]
            events.append(tuple(alike[place] for place in sorted(range(len(alike)), key=off.__getitem__)))
    return events


def finding_event(
    finding: Finding,
    told: Verdict | None,
    *,
    market: str,
    number: int,
    run_id: str | None,
    now: datetime,
    together: Sequence[Finding] = (),
) -> Event:
    """The event of a finding that is published.

    Args:
        finding: as it stands.
        told: the verdict that its last event told; None for the first one.
        market: MIC of the calendar.
        number: of its verdict in the history: a verdict that comes again later is another event.
        run_id: the Dagster run; None outside of Dagster.
        now: aware.
        together: all that the event tells of, this one first; empty: this one alone.
    """
    facts: dict[str, Any] = {
        "market": market,
        "findings": max(1, len(together)),
        "sample": [one.ticker for one in together[:SAMPLE]] if len(together) > 1 else [],
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
