"""What becomes of findings whose bars were set aside for their level of prices, when the level turns out to be right.

Everything else that becomes of findings is in `core.quality.lifecycle`; what a level is, in
`core.judging.structure_rules`. Putting bars back belongs in `adapters.quality.held_bars`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from tickstock_dagster.core.judging.findings import Verdict
from tickstock_dagster.core.quality.lifecycle import Finding, How, Key, State, Step, StoredFinding

LEVELS = "scale_break"
"""The rule that may find out later that a bar which it had set aside is on a level of prices that lasts."""


@dataclass(frozen=True, slots=True)
class Freed:
    """What is not wrong any more about bars that were set aside.

    Attributes:
        findings: of their rule, with another verdict than wrong; others are passed over.
        cleared: those that the rule does not make any more, with the cause in words.
    """

    findings: tuple[Finding, ...] = ()
    cleared: Mapping[Key, str] = field(default_factory=dict)


NOTHING_FREED = Freed()


def level_words(session: date, since: date) -> str:
    """Why a bar that was set aside for its level of prices is not wrong any more."""
    return (
        "its level of prices is that of the bars around it"
        if since == session
        else (f"its level of prices, which began on {since}, lasts")
    )


def freeing_steps(stored: Iterable[StoredFinding], freed: Freed) -> list[Step]:
    """The changes of findings whose bars come back, since they are not wrong any more; what a person decided stands.

    Args:
        stored: findings about the bars that are freed, of their rule.
        freed: what their rule says now.
    """
    now = {one.key: one for one in freed.findings}
    changes = []
    for known in stored:
        key, told = known.finding.key, known.alerted_as
        if known.state is not State.OPEN or not known.held or known.bar is not None:
            continue
        if key in now:
            changes.append(Step(now[key], known.finding.verdict, How.JUDGED, told))
        elif key in freed.cleared:
            gone = replace(known.finding, verdict=Verdict.EXPLAINED, cause=freed.cleared[key])
            changes.append(Step(gone, known.finding.verdict, How.WITHDRAWN, told))
    return changes
