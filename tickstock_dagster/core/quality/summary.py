"""A session's summary: means of the scores with their trends, what degrades, and what to do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tickstock_dagster.core.events.envelope import QualitySummary, ScoreTrend
from tickstock_dagster.core.quality.control_chart import SESSIONS, Chart, chart

SCORES = ("price", "volume", "freshness", "overall")
"""Names of the scores, in the order of the tables."""

_CAUSES = {
    "price": "look at the findings about prices: `tickstock quality list`",
    "volume": "look at the findings about volumes: `tickstock quality list`",
    "freshness": "load what is owed: `tickstock status` says which bars",
    "overall": "look at the symbols with the lowest scores: `tickstock quality analyze`",
}

WORST = 10
"""How many symbols a summary names."""


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """A session as the view `quality_summary` has it: means of the scores by name, counts of findings, of symbols."""

    session: date
    symbols: int
    means: Mapping[str, float]
    explained: int
    suspicious: int
    wrong: int
    missing: int


def summary_of(
    day: SessionCounts, before: Sequence[SessionCounts], worst: Sequence[str], *, market: str, run_id: str | None
) -> QualitySummary:
    """The event that tells of a session's quality.

    Args:
        day: the session.
        before: sessions before it, ascending; the last `SESSIONS` count.
        worst: symbols below 100, the lowest first.
        market: MIC of the calendar.
        run_id: the Dagster run; None outside of Dagster.
    """
    charts = {name: chart(name, [one.means[name] for one in before], day.means[name]) for name in SCORES}
    trends = tuple(_trend(name, day.means[name], charts[name]) for name in SCORES)
    degrading = [one for one in charts.values() if one is not None and one.degrades]
    actions = [
        *([f"load the {day.missing} bars of the session that are owed"] if day.missing else []),
        *([f"release or ask again for {day.wrong} rows that are wrong and not stored"] if day.wrong else []),
        *([f"settle {day.suspicious} suspicious findings, the largest first"] if day.suspicious else []),
        *(_CAUSES[one.score] for one in degrading),
    ]
    return QualitySummary(
        market=market,
        session=day.session,
        symbols=day.symbols,
        scores=trends,
        sessions=min(len(before), SESSIONS),
        explained=day.explained,
        suspicious=day.suspicious,
        wrong=day.wrong,
        missing=day.missing,
        worst=tuple(worst[:WORST]),
        degrades=tuple(
            f"the {one.score} score: {one.average:.2f} on average, below its limit of {one.limit:.2f}"
            for one in degrading
        ),
        actions=tuple(actions),
        run_id=run_id,
    )


def _trend(name: str, value: float, of: Chart | None) -> ScoreTrend:
    if of is None:
        return ScoreTrend.model_validate({"score": name, "value": value, "degrades": False})
    return ScoreTrend.model_validate(
        {
            "score": name,
            "value": value,
            "mean": round(of.mean, 6),
            "average": round(of.average, 6),
            "limit": round(of.limit, 6),
            "change": round(of.change, 6),
            "degrades": of.degrades,
        }
    )
