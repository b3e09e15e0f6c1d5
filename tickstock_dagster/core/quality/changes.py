"""Why a verdict is another than before: what has changed since, the nearest to the session first, in words.

Which changes there are belongs in `adapters.quality.findings`, which verdict follows in `core.judging`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

_SAID = {
    "known": "{words} of {day}, known since {at}",
    "ended": "{words} of {day} is no longer stated since {at}",
    "corrected": "the bar of {day} was corrected on {at}",
    "stored": "a bar of {day} was stored on {at}",
    "set aside": "the bar of {day} was set aside on {at}",
    "put back": "the bar of {day} was put back on {at}",
}
"""Each kind of change; of two that are as near, the one that stands first."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something by which a finding is judged, and which is other than it was.

    Attributes:
        what: `known` or `ended` of an action; `corrected`, `stored`, `set aside` or `put back` of a bar.
        day: ex-date of the action, or session of the bar.
        at: when it changed, aware.
        words: the action; None of a bar.
    """

    what: str
    day: date
    at: datetime
    words: str | None = None

    def __str__(self) -> str:
        at = f"{self.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        return _SAID[self.what].format(words=self.words, day=self.day, at=at)


def nearest_change(changes: Sequence[Change], session: date, before: date | None, after: date | None) -> Change | None:
    """The change that accounts best for another verdict about a session; None where there is none.

    Args:
        changes: since the judgement before, of the security.
        session: of the finding.
        before: session of the printed bar before it; None where there is none.
        after: of the one after.
    """

    def rank(change: Change) -> tuple[int, int, int, float]:
        days = abs((change.day - session).days)
        if change.words is not None:
            takes_effect = change.day == session or (before or session) < change.day <= session
            near = 0 if takes_effect else 3 if session < change.day <= (after or session) else 4
        else:
            near = {session: 1, before: 2, after: 3}.get(change.day, 4)
        return near, days, list(_SAID).index(change.what), -change.at.timestamp()

    return min(changes, key=rank, default=None)
