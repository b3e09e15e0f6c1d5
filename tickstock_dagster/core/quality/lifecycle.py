"""What becomes of findings when their rules look again: new, changed, withdrawn, reopened; and which is published.

A finding is found once. Looking again with the same evidence changes nothing; other evidence changes its verdict, and
a finding that its rule makes no more is withdrawn in words, never deleted. What a person decided stands as long as the
bar is the one that was decided on. Reading and writing belong in `adapters.quality.findings`.

What the same evidence is, `is_same` says. A finding shows everything that was looked at, and most of that is context:
what is usual for the security and for the market, and the bars after. Context decides between verdicts and causes, and
drifts with every bar that is corrected nearby. Where verdict and cause stay, it is no other evidence; what was judged
is: the bar itself, what it is compared with, and how far it is off.

Longer than 250 lines because what a finding is, and each way in which it may change, are decided together.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from tickstock_dagster.core.judging.findings import Severity, Verdict

DAILY = "ohlcv_daily"
"""Dataset of the findings about daily bars."""

STALE = "data_stale"
"""The rule of bars that are missing: its session is the first one without a bar."""

REFUSED = "refused"
"""Evidence: why a load refused the bar; null where the bar was stored."""

REPLACED = "another bar is stored, of which its rule does not find it"
WHOLE = "session_break"
"""The rule of sessions that are off as a whole."""

WITHDRAWN = "its rule does not find it any more: the bars, or what is known of them, have changed"

RELEASED = "a person has released the bar"

COME = "its bars are not missing any more: they are stored, or explained for good"

WHOLE_FROM, WHOLE_SHARE = 10, 0.8
"""From so many wrong bars on a session, and above this share of its bars, the session is in doubt, not its bars."""

NEWS = frozenset({"news", "news_articles"})
"""Evidence that is looked up once, and is no reason for another verdict."""

CONTEXT = frozenset({
    "beta", "busy", "expected", "fair_value", "gap", "habit", "information", "likely", "market_busy", "market_move",
    "next_close", "next_open", "number", "own_move", "own_return", "recent", "rows", "run_busy", "scale", "sigma",
    "silent_before", "span_ratio", "span_stress", "stress", "turnover", "usual_move", "usual_span",
})  # fmt: skip
"""Evidence that is not what was judged: what is usual, in numbers, the bars after, and places among bars."""

DRIFT = 0.1
"""Share by which a value or its threshold may differ and be the same: both may be measured by what is usual."""

EXACT = 1e-6
"""The same of what was judged itself: floats of one decimal number."""

Bar = Mapping[str, float]
"""`open`, `high`, `low`, `close` and `volume` of a stored bar."""


class State(StrEnum):
    """What a person decided about a finding."""

    OPEN = "open"
    RELEASED = "released"
    CONFIRMED = "confirmed"


class How(StrEnum):
    """How a verdict came about."""

    FOUND = "found"
    JUDGED = "judged"
    WITHDRAWN = "withdrawn"
    RELEASED = "released"
    CONFIRMED = "confirmed"
    REOPENED = "reopened"


@dataclass(frozen=True, slots=True)
class Key:
    """The identity of a finding."""

    security_id: int
    session: date
    rule: str
    dataset: str = DAILY


@dataclass(frozen=True, slots=True)
class FindingRange:
    """The findings of one rule about one security's daily bars on a range of sessions.

    Attributes:
        ticker: that the security has or had; as printed, or the newest holder's.
        rule: whose findings.
        since: first session.
        until: last session; None: no end.
    """

    ticker: str
    rule: str
    since: date
    until: date | None = None

    def __str__(self) -> str:
        return f"{self.ticker} {self.rule} from {self.since}" + (f" to {self.until}" if self.until else "")


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding as its rule makes it; the fields are those of `core.judging.findings.FINDING_SCHEMA`."""

    key: Key
    ticker: str
    verdict: Verdict
    severity: Severity
    cause: str
    value: float
    threshold: float
    evidence: Mapping[str, Any]
    would_change: str
    settled_by: str | None = None


@dataclass(frozen=True, slots=True)
class StoredFinding:
    """A finding as it is stored.

    Attributes:
        finding: with the verdict that stands.
        state: what a person decided.
        withdrawn: whether its rule did not make it any more when it looked last.
        alerted_as: the verdict that the last event told; None where none was written.
        decided_on: the bar that a person decided on.
        bar: the bar that is stored now; None where there is none.
        held: whether its bar was set aside as wrong and not released.
    """

    finding: Finding
    state: State = State.OPEN
    withdrawn: bool = False
    alerted_as: Verdict | None = None
    decided_on: Bar | None = None
    bar: Bar | None = None
    held: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether looking again is idle: a person decided on this very bar, or the bar that is wrong is not there."""
        decided = self.state is not State.OPEN and (self.bar == self.decided_on or self.bar is None)
        return decided or (self.held and self.bar is None)


@dataclass(frozen=True, slots=True)
class Step:
    """A change of one finding.

    Attributes:
        finding: as it stands afterwards.
        was: the verdict before; None for a new one.
        how: what changed it.
        told: the verdict that the last event told; None where none was written.
        because: what has changed since the verdict before, in words; None where that is not known.
    """

    finding: Finding
    was: Verdict | None
    how: How
    told: Verdict | None = None
    because: str | None = None

    @property
    def said(self) -> Finding:
        """The finding as history and events tell of it: its cause says what has changed."""
        cause = f"{self.finding.cause}; {self.because}" if self.because else self.finding.cause
        return replace(self.finding, cause=cause)

    def explained_by(self, because: str) -> "Step":
        """The same step, with what has changed: why a rule does not find it any more, or finds something else."""
        if self.how is How.WITHDRAWN:
            cause = because if self.finding.cause == WITHDRAWN else f"{self.finding.cause}; {because}"
            return replace(self, finding=replace(self.finding, cause=cause))
        return replace(self, because=because)

    @property
    def alerts(self) -> bool:
        """Whether an event tells of it: the first time unless it is explained, later whenever the verdict is another.

        That missing bars have come is not told: whoever knows `data_stale` of old would take it for another gap.
        """
        if self.how is How.WITHDRAWN and self.finding.key.rule == STALE:
            return False
        if self.told is None:
            return self.finding.verdict is not Verdict.EXPLAINED
        return self.finding.verdict is not self.told

    @property
    def sets_aside(self) -> bool:
        """Whether the bar goes to quarantine, if it is stored."""
        return self.finding.verdict is Verdict.WRONG


def steps(stored: Iterable[StoredFinding], judged: Iterable[Finding]) -> list[Step]:
    """What changes when rules have looked again.

    Args:
        stored: the findings of these rules, securities and sessions, withdrawn ones included.
        judged: what the rules find now, each key once.

    Returns:
        One for each finding that changes; none where nothing does.
    """
    before = {one.finding.key: one for one in stored}
    # Its bar is set aside: what else a rule would say of it now is of no use.
    set_aside = {_cell(key) for key, one in before.items() if one.held and one.bar is None}
    # A person has looked at the bar: it is right, whichever rule doubts it next.
    released = {_cell(key) for key, one in before.items() if one.state is State.RELEASED and one.is_settled}
    changes, seen = [], set[Key]()
    for finding in judged:
        seen.add(finding.key)
        known = before.get(finding.key)
        if finding.verdict is Verdict.WRONG and _cell(finding.key) in released:
            finding = replace(finding, verdict=Verdict.EXPLAINED, cause=RELEASED)  # noqa: PLW2901
        if known is None:
            if _cell(finding.key) not in set_aside:
                changes.append(Step(finding, None, How.FOUND))
        elif not known.is_settled and (step := _again(known, finding)):
            changes.append(step)
    for key, known in before.items():
        if key in seen or known.is_settled or (known.withdrawn and known.state is State.OPEN):
            continue
        cause = COME if key.rule == STALE else REPLACED if _is_of_another_bar(known) else WITHDRAWN
        gone = replace(known.finding, verdict=Verdict.EXPLAINED, cause=cause)
        changes.append(Step(gone, known.finding.verdict, How.WITHDRAWN, known.alerted_as))
    return changes


def _cell(key: Key) -> tuple[int, date, str]:
    return key.security_id, key.session, key.dataset


def _again(known: StoredFinding, finding: Finding) -> Step | None:
    """The change of a finding that its rule makes again."""
    if known.state is not State.OPEN:
        return Step(finding, known.finding.verdict, How.REOPENED, known.alerted_as)
    # News that was looked up stays, whether or not it is looked up again.
    kept = {name: value for name, value in known.finding.evidence.items() if name in NEWS}
    finding = replace(finding, evidence={**kept, **finding.evidence})
    # A bar that was set aside, has come back and is as wrong as before goes again.
    back = known.held and finding.verdict is Verdict.WRONG
    if not known.withdrawn and not back and is_same(finding, known.finding):
        return None
    return Step(finding, known.finding.verdict, How.JUDGED, known.alerted_as)


def is_same(one: Finding, other: Finding) -> bool:
    """Whether two findings of one key say the same, so that the later one is no other judgement.

    They do where verdict, severity and cause are the same, value and threshold differ by no more than `DRIFT`, and what
    was judged is the same to `EXACT`: all evidence but `CONTEXT` and `NEWS`. What would change a verdict, and what
    would settle it, follow from these. The ticker is that of the first time: a symbol that is renamed afterwards is no
    other evidence.
    """
    if (one.verdict, one.severity, one.cause) != (other.verdict, other.severity, other.cause):
        return False
    if not (_near(one.value, other.value, DRIFT) and _near(one.threshold, other.threshold, DRIFT)):
        return False
    names = (one.evidence.keys() | other.evidence.keys()) - CONTEXT - NEWS
    return all(_near(one.evidence.get(name), other.evidence.get(name), EXACT) for name in names)


def _near(one: Any, other: Any, share: float) -> bool:
    """Whether two values are the same, or two numbers up to a share of the larger."""
    if one == other:
        return True
    if isinstance(one, bool) or isinstance(other, bool):
        return False
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    return numbers and math.isclose(one, other, rel_tol=share, abs_tol=0.0)


def _is_of_another_bar(known: StoredFinding) -> bool:
    """Whether the stored bar is another one than the finding was about."""
    seen = known.finding.evidence
    return known.bar is not None and any(name in seen and seen[name] != value for name, value in known.bar.items())


def standing(stored: Iterable[StoredFinding], judged: Iterable[Finding]) -> list[Finding]:
    """What stands when rules have looked again, without writing it: arguments as for `steps`; no withdrawn ones."""
    known = list(stored)
    changes = {step.finding.key: step for step in steps(known, judged)}
    kept = {one.finding.key: one.finding for one in known if not one.withdrawn and one.finding.key not in changes}
    changed = {key: step.finding for key, step in changes.items() if step.how is not How.WITHDRAWN}
    return [*kept.values(), *changed.values()]


def crowded(findings: Iterable[Finding]) -> dict[date, int]:
    """How many securities findings are about, on each session with `WHOLE_FROM` of them at least."""
    securities: dict[date, set[int]] = {}
    for one in findings:
        securities.setdefault(one.key.session, set()).add(one.key.security_id)
    return {session: len(them) for session, them in securities.items() if len(them) >= WHOLE_FROM}


def doubtful_sessions(wrong: Iterable[Finding], printed: Mapping[date, int]) -> frozenset[date]:
    """The sessions of which nearly everything is judged wrong.

    There the session is in doubt, or the judgement, and an empty session would be no safer than a doubtful one: its
    bars stay until a person decides.

    Args:
        wrong: findings whose bars would be set aside.
        printed: how many bars each crowded session has.
    """
    many = crowded(wrong)
    return frozenset(session for session, count in many.items() if count > WHOLE_SHARE * printed.get(session, 0))
