"""How reliable each rule is, by what people decided about its findings; and the threshold that follows from it.

Of the findings that a person decided, the share of confirmed ones is the rule's share. Where it is below `LEAST_SHARE`
the rule proposes the threshold under which the released ones among these would not have been found and as few confirmed
ones as possible would be lost. Nothing here changes a threshold: a person does.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from tickstock_dagster.core.judging.thresholds import THRESHOLDS

LEAST_SHARE = 0.5
"""A rule of whose decided findings fewer are confirmed proposes another threshold."""

LEAST_DECIDED = 5
"""With fewer decided findings nothing is proposed."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """One rule for one type of securities.

    Attributes:
        rule: its name.
        equity_type: the vendor's code, or unknown.
        findings: how many there are.
        explained: of these, those that are explained.
        suspicious: those that are suspicious.
        wrong: those that are wrong.
        confirmed: values of the findings that a person confirmed.
        released: values of those that a person released.
        threshold: in force when they were found.
    """

    rule: str
    equity_type: str
    findings: int
    explained: int
    suspicious: int
    wrong: int
    confirmed: Sequence[float]
    released: Sequence[float]
    threshold: float

    @property
    def share(self) -> float | None:
        """Share of the decided findings that were confirmed, 0 to 1; None where none was decided."""
        decided = len(self.confirmed) + len(self.released)
        return len(self.confirmed) / decided if decided else None

    @property
    def proposed(self) -> float | None:
        """Another threshold, in the rule's unit; None where the rule proposes none.

        Of the thresholds that lie between two decided values, the one that decides most of them as people did; of
        several the nearest to the one in force. Only what an equity type's document accepts under the rule's name.
        """
        if self.share is None or self.share >= LEAST_SHARE:
            return None
        if len(self.confirmed) + len(self.released) < LEAST_DECIDED:
            return None
        below = (
            sum(abs(value) < self.threshold for value in (*self.confirmed, *self.released))
            > (len(self.confirmed) + len(self.released)) / 2
        )
        sign = -1.0 if below else 1.0  # of a drought the smaller value is the worse one
        confirmed = [sign * abs(value) for value in self.confirmed]
        released = [sign * abs(value) for value in self.released]
        values = sorted({*confirmed, *released})
        # Beyond the last released value by a hundredth, where no confirmed one lies further off.
        between = [(one + other) / 2 for one, other in itertools.pairwise(values)]
        candidates = [*between, values[-1] + 0.01 * abs(values[-1])]
        accepted = THRESHOLDS.get(self.rule)
        if accepted is None or accepted.unit == "probability":
            return None
        candidates = [one for one in candidates if accepted.low <= sign * one <= accepted.high]
        if not candidates:
            return None

        def right(candidate: float) -> int:
            return sum(value > candidate for value in confirmed) + sum(value <= candidate for value in released)

        best = max(candidates, key=lambda candidate: (right(candidate), -candidate))
        return round(sign * best, 6)
