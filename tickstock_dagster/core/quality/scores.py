"""Scores of a security on a session, from its findings there and the sessions that it lacks.

    points of a finding = least + (most − least) × distance / (1 + distance)
    distance            = |log2(value / threshold)|: how many times the value doubles or halves the threshold

with (least, most) = (0, 0) for an explained finding and (10, 30) for a suspicious one. A wrong one takes 100: its row
is set aside, whichever rule found it, so that none of two wrong rows is the better one. Each score is 100 less the
points that are taken from it, and not below 0:

    price score     all findings of the families price, structure and source; wrong ones of volume
    volume score    all findings of the families volume, structure and source; wrong ones of price
    freshness score 5 for each of the last 20 sessions whose bar is owed, and 10 more for each of them in a row up to
                    the session itself
    overall score   half the mean of the three, half the worst of them

A worse input never scores better: one more finding, a worse verdict, a value further from the threshold and one more
missing session take points or leave the score as it is. Storing reports belongs in `adapters.quality.reports`.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from tickstock_dagster.core.judging.findings import RULES, Family, Verdict

FRESHNESS_SESSIONS = 20
"""Sessions that count for freshness, the reported one included."""

MISSING_POINTS, IN_A_ROW_POINTS = 5.0, 10.0

POINTS = {Verdict.EXPLAINED: (0.0, 0.0), Verdict.SUSPICIOUS: (10.0, 30.0), Verdict.WRONG: (100.0, 100.0)}
"""The least and the most points that a finding takes, by its verdict."""

_OF_BOTH = frozenset({Family.STRUCTURE, Family.SOURCE})
_PRICE, _VOLUME = _OF_BOTH | {Family.PRICE}, _OF_BOTH | {Family.VOLUME}
_DECIMALS = 6

_REFUSED = (
    "{rule}: wrong ({cause}); the load refused the bar, which is owed: load it again ({next}), or from another source"
)

_SAID = {
    Verdict.WRONG: "{rule}: wrong ({cause}); the bar is set aside and owed: load it again, or release it",
    Verdict.SUSPICIOUS: "{rule}: suspicious ({cause}); {next}",
}


@dataclass(frozen=True, slots=True)
class ScoredFinding:
    """What counts of a stored finding; value and threshold in the rule's unit. `refused`: a load refused its bar."""

    rule: str
    verdict: Verdict
    value: float
    threshold: float
    cause: str = ""
    would_change: str = ""
    settled_by: str | None = None
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """Sessions without an owed bar of the last `FRESHNESS_SESSIONS`; `in_a_row` of them up to the reported one."""

    sessions: int = 0
    in_a_row: int = 0

    @classmethod
    def of(cls, missing: Iterable[date], sessions: Sequence[date]) -> "Missing":
        """From the missing sessions, and the sessions that count, ascending; the last one is the reported one."""
        lacking = set(missing)
        flags = [day in lacking for day in sessions]
        in_a_row = next((count for count, lacks in enumerate(reversed(flags)) if not lacks), len(flags))
        return cls(sum(flags), in_a_row)


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of one security on one session, 0 (worst) to 100."""

    price: float
    volume: float
    freshness: float

    @property
    def overall(self) -> float:
        """Half the mean of the three, half the worst of them: one bad score is not outvoted by two good ones."""
        three = (self.price, self.volume, self.freshness)
        return round((math.fsum(three) / 3 + min(three)) / 2, _DECIMALS)


def finding_points(finding: ScoredFinding) -> float:
    """The points that a finding takes, 0 to 100."""
    least, most = POINTS[finding.verdict]
    off = distance(finding.value, finding.threshold)
    return least + (most - least) * (off / (1 + off) if math.isfinite(off) else 1.0)


def distance(value: float, threshold: float) -> float:
    """How many times a value doubles or halves its threshold, 0 or more.

    Nothing at all where something is usual, or anything where nothing is allowed, is as far off as can be: infinity.
    """
    times = abs(value / threshold) if threshold else math.inf
    return abs(math.log2(times)) if times > 0 and math.isfinite(times) else math.inf


def scores_of(findings: Iterable[ScoredFinding], missing: Missing) -> Scores:
    """The scores of a security on a session, from its findings there and the sessions that it lacks."""
    taken = [(_families(finding), finding_points(finding)) for finding in findings]
    price = math.fsum(points for families, points in taken if families & _PRICE)
    volume = math.fsum(points for families, points in taken if families & _VOLUME)
    stale = MISSING_POINTS * missing.sessions + IN_A_ROW_POINTS * missing.in_a_row
    return Scores(_left(price), _left(volume), _left(stale))


def recommendations(findings: Iterable[ScoredFinding], missing: Missing) -> list[str]:
    """What to do about a security, the most urgent first; nothing where all is well."""
    said = []
    if missing.in_a_row > 1:
        said.append(f"its bars are missing on {missing.in_a_row} sessions in a row: load them")
    elif missing.sessions:
        said.append(f"{missing.sessions} of the last {FRESHNESS_SESSIONS} bars are owed: load them")
    worst_first = sorted(findings, key=lambda one: (-finding_points(one), one.rule))
    for one in worst_first:
        refused = one.refused and one.verdict is Verdict.WRONG
        if words := _REFUSED if refused else _SAID.get(one.verdict):
            step = f"ask {one.settled_by}" if one.settled_by else one.would_change or "look at its evidence"
            said.append(words.format(rule=one.rule, cause=one.cause, next=step))
    return said


def _families(finding: ScoredFinding) -> frozenset[Family]:
    """What a finding is about: a row that is wrong is wrong in its prices and in its volume."""
    family = frozenset({RULES[finding.rule].family})
    return family | _OF_BOTH if finding.verdict is Verdict.WRONG else family


def _left(points: float) -> float:
    return round(max(0.0, 100.0 - points), _DECIMALS)
