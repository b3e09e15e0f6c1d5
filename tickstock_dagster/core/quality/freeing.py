"""What becomes of findings whose bars were set aside, when their rules do not find them wrong any more.

Everything else that becomes of findings is in `core.quality.lifecycle`; what a level is, in
`core.judging.structure_rules`. Putting bars back belongs in `adapters.quality.held_bars`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from tickstock_dagster.core.judging.findings import Verdict
from tickstock_dagster.core.quality.lifecycle import WITHDRAWN, Finding, How, Key, State, Step, StoredFinding

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


def is_kept_out(known: StoredFinding) -> bool:
    """Whether a rule, and no person, keeps a bar out of the store by this finding."""
    return known.state is State.OPEN and known.held and known.bar is None and known.finding.verdict is Verdict.WRONG


def of_other_rules(stored: Iterable[StoredFinding], judged: Iterable[Finding]) -> Freed:
    """What other rules than `LEVELS` do not find wrong any more about bars of a session that they had set aside.

    Args:
        stored: the findings of the session.
        judged: what the rules find about it now, bars that were set aside included.
    """
    now = {one.key: one for one in judged}
    kept_out = [one.finding.key for one in stored if one.finding.key.rule != LEVELS and is_kept_out(one)]
    return Freed(
        tuple(now[key] for key in kept_out if key in now and now[key].verdict is not Verdict.WRONG),
        {key: WITHDRAWN for key in kept_out if key not in now},
    )


def freeing_steps(stored: Iterable[StoredFinding], freed: Freed) -> list[Step]:
    """The changes of findings whose bars come back, since they are not wrong any more; what a person decided stands.

    Args:
        stored: findings about the bars that are freed, of their rules.
        freed: what their rules say now.
    """
    now = {one.key: one for one in freed.findings}
    changes = []
    for known in stored:
        key, told = known.finding.key, known.alerted_as
        if not is_kept_out(known):
            continue
        if key in now:
            changes.append(Step(now[key], known.finding.verdict, How.JUDGED, told))
        elif key in freed.cleared:
            gone = replace(known.finding, verdict=Verdict.EXPLAINED, cause=freed.cleared[key])
            changes.append(Step(gone, known.finding.verdict, How.WITHDRAWN, told))
    return changes
