"""Mails to the administrators: which events are mailed, and their subjects and plain texts.

Sending belongs in `adapters.operations.mail`, the queue of mails in `adapters.operations.mail_queue`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.events.envelope import EodStatus, ScheduleAdjusted
from tickstock_dagster.core.loading.end_of_day import OBJECTIVE

EARLY_CLOSE = f"{ScheduleAdjusted.channel}/early_close"
UNEXPECTED_HOLIDAY = f"{ScheduleAdjusted.channel}/unexpected_holiday"
BELOW_OBJECTIVE = f"{EodStatus.channel}/overdue"

MAILED = (EARLY_CLOSE, UNEXPECTED_HOLIDAY, BELOW_OBJECTIVE)
"""The mailed kinds of events: a channel, and the `adjustment_type` or `state` of its events."""

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail in plain text."""

    subject: str
    body: str


def mail_of(envelope: Mapping[str, Any]) -> Mail:
    """The mail that reports an event of one of the kinds in `MAILED`, from its stored envelope."""
    data = envelope["data"]
    market, session = data["market"], date.fromisoformat(data["session"])
    kind = f"{envelope['type']}/{data.get('adjustment_type') or data.get('state')}"
    if kind == BELOW_OBJECTIVE:
        return eod_below_objective(
            market,
            session,
            completeness=data["completeness"],
            objective=OBJECTIVE,
            due_at=datetime.fromisoformat(data["due_at"]),
            expected=data["expected"],
            stored=data["stored"],
            explained=data["explained"],
            gaps_by_reason=data["gaps_by_reason"],
            message=data["message"],
        )
    details = data["details"]
    if kind == UNEXPECTED_HOLIDAY:
        return unexpected_holiday(market, session, details.get("reason"))
    closes_at = datetime.fromisoformat(details["after"]["closes_at"])
    return early_close(market, session, closes_at, str(library_calendar(market).timezone), details.get("reason"))


def wait_after(attempts: int) -> timedelta:
    """How long a mail waits after so many refusals (from 1): twice as long each time, an hour at most."""
    return min(FIRST_WAIT * 2.0 ** min(attempts - 1, 20), LONGEST_WAIT)


def trial_mail(now: datetime) -> Mail:
    """A mail that tests delivery. `now` is aware."""
    lines = [
        f"Requested at {_utc(now)}. Mails like this one report early closes, unexpected holidays, and sessions",
        f"that are less than {OBJECTIVE:.0%} complete when the objective is due.",
    ]
    return _mail("Mail to the administrators works", lines)


def early_close(market: str, session: date, closes_at: datetime, time_zone: str, reason: str | None = None) -> Mail:
    """A session closes earlier than usual.

    Args:
        market: MIC of the market's calendar.
        session: the session.
        closes_at: when it closes, with a time zone.
        time_zone: the exchange's, such as America/New_York.
        reason: why, in words; None if not given.
    """
    local = closes_at.astimezone(ZoneInfo(time_zone))
    lines = [
        f"{market} closes early on {_day(session)}: at {local:%H:%M %Z} ({_utc(closes_at)}).",
        f"Reason: {reason or 'not given'}.",
        "",
        "The end-of-day run follows the close automatically. If this is wrong, change the day:",
        f"  tickstock calendar show {market} --from {session}",
    ]
    return _mail(f"{market} closes early on {session}", lines)


def unexpected_holiday(market: str, session: date, reason: str | None = None) -> Mail:
    """A day that the calendar had as a session is closed. `reason` is None if not given."""
    lines = [
        f"{market} is closed on {_day(session)}, which the calendar had as a session.",
        f"Reason: {reason or 'not given'}.",
        "",
        "Nothing is fetched for this day; other sessions are not affected. If this is wrong, change the day:",
        f"  tickstock calendar show {market} --from {session}",
    ]
    return _mail(f"{market} is closed on {session}", lines)


def eod_below_objective(
    market: str,
    session: date,
    *,
    completeness: float | None,
    objective: float,
    due_at: datetime,
    expected: int,
    stored: int,
    explained: int,
    gaps_by_reason: Mapping[str, int],
    message: str | None = None,
) -> Mail:
    """A session is below its objective when that is due.

    Args:
        market: MIC of the market's calendar.
        session: the session.
        completeness: stored / (expected − explained), 0 to 1; None when no bar is owed.
        objective: the least completeness, 0 to 1.
        due_at: when the objective was due, with a time zone.
        expected: tracked symbols that were listed.
        stored: symbols whose bar is stored.
        explained: symbols without a bar for a final reason.
        gaps_by_reason: symbols without a bar, by reason.
        message: anything else, in one line.
    """
    share = "of unknown completeness" if completeness is None else f"{completeness:.2%} complete"
    missing = expected - stored - explained
    lines = [
        f"{market} {session} is {share}; {objective:.0%} were due by {_utc(due_at)}.",
        *([f"{message}."] if message else []),
        "",
        f"  expected   {expected:>8,}",
        f"  stored     {stored:>8,}",
        f"  explained  {explained:>8,}  no bar is owed for them",
        f"  missing    {missing:>8,}",
    ]
    if gaps_by_reason:
        lines += ["", "Without a bar, by reason:"]
        ordered = sorted(gaps_by_reason.items(), key=lambda item: (-item[1], item[0]))
        lines += [f"  {reason:<16}{count:>8,}" for reason, count in ordered]
    lines += ["", "The factory tries again automatically. Every gap with its reason:", "  tickstock status"]
    return _mail(f"{market} {session} is {share}, below {objective:.0%}", lines)


def _mail(subject: str, lines: list[str]) -> Mail:
    # A line break in a subject would begin another header, and the reasons are free text.
    return Mail(f"[TickStock] {' '.join(subject.split())}", "\n".join(lines) + "\n")


def _day(day: date) -> str:
    return f"{day:%A}, {day}"


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(ZoneInfo('UTC')):%Y-%m-%d %H:%M} UTC"
