"""The five tasks of the daily synchronisation. Each proposes changes from the facts of one session.

`core.universes.synchronisation` merges the proposals, `core.universes.sync_guards` may stop them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from statistics import median
from typing import Any

import polars as pl

from tickstock_dagster.core.universes.facts import as_evidence
from tickstock_dagster.core.universes.rules import Evaluation, evaluate
from tickstock_dagster.core.universes.synchronisation import Classified, Departure, Proposal, StagedTask, UniverseState

TRIGGER = 0.05
"""A theme is rebalanced when its members' median return differs from the market's by more than this."""

TRIGGER_SESSIONS = 20
MARKET_TICKER = "SPY"

CAP_BUCKETS = ((200e9, "mega"), (10e9, "large"), (2e9, "mid"), (300e6, "small"), (0.0, "micro"))
"""Least market cap in USD, and the name of the size bucket."""

_CLASSIFIED_BY = ("sector", "equity_type", "market_cap", "list_date", "primary_exchange")


@dataclass(frozen=True, slots=True)
class TaskResult:
    """A task's proposals, the number of examined securities, why it had nothing to do, and figures of its own."""

    proposals: tuple[Proposal, ...]
    examined: int
    skipped: str | None
    notes: Mapping[str, Any]


def market_cap_recalculation(universes: Iterable[UniverseState], facts: pl.DataFrame) -> TaskResult:
    """Propose the members of universes with a rule, other than themes and new listings; mainly sizes.

    Args:
        universes: all universes before the synchronisation.
        facts: `core.universes.facts.FACT_SCHEMA`.
    """
    chosen = [one for one in universes if one.dated and one.rule and one.type not in ("theme", "ipo")]
    proposals = tuple(_whole(universe, facts, "market_cap_recalculation") for universe in chosen)
    caps = facts["market_cap"].count()
    notes = {"market_caps": caps, "without_market_cap": facts.height - caps, "universes": len(chosen)}
    skipped = None if chosen else "no universe is chosen by size"
    return TaskResult(proposals, facts.height, skipped, notes)


def ipo_universe_assignment(universes: Iterable[UniverseState], facts: pl.DataFrame) -> TaskResult:
    """Propose new listings, each with its sector, size and type, and the departure of those that have grown too old."""
    proposals = []
    for universe in (one for one in universes if one.dated and one.type == "ipo" and one.rule):
        proposal = _whole(universe, facts, "ipo_universe_assignment")
        if proposal.members or proposal.departures:
            proposals.append(_with_classes(proposal, universe, facts))
    dated = facts["list_date"].count()
    joined = sum(proposal.joined for proposal in proposals)
    skipped = None if joined or any(one.departures for one in proposals) else "no new listing, and none grew too old"
    return TaskResult(tuple(proposals), facts.height, skipped, {"with_list_date": dated, "new_listings": joined})


def _with_classes(proposal: Proposal, universe: UniverseState, facts: pl.DataFrame) -> Proposal:
    new = [member for member in proposal.members or () if member not in universe.members]
    rows = {row["security_id"]: row for row in facts.filter(pl.col("security_id").is_in(new)).iter_rows(named=True)}
    aged = set(facts.drop_nulls("listed_days")["security_id"])
    return replace(
        proposal,
        # Time alone makes them leave, so even many departures are no sign of a broken answer.
        departures=tuple(replace(one, certain=one.security_id in aged) for one in proposal.departures),
        classified=tuple(
            Classified(
                member,
                rows[member]["ticker"],
                {**as_evidence(rows[member], _CLASSIFIED_BY), "size": cap_bucket(rows[member]["market_cap"])},
            )
            for member in new
        ),
    )


def cap_bucket(market_cap: float | None) -> str | None:
    """The size of a company by its market cap in USD: mega, large, mid, small, micro; None where that is unknown."""
    if market_cap is None:
        return None
    return next(name for least, name in CAP_BUCKETS if market_cap >= least)


def delisted_cleanup(universes: Iterable[UniverseState], delisted: Mapping[int, date]) -> TaskResult:
    """Propose that delisted securities leave every universe, lists included. Intervals end; nothing is deleted.

    Args:
        universes: all universes before the synchronisation.
        delisted: first day off the exchange, by security, for securities delisted on or before the session.
    """
    proposals = []
    for universe in universes:
        gone = tuple(
            Departure(security, ticker, f"delisted on {delisted[security]}")
            for security, ticker in universe.members.items()
            if security in delisted
        )
        if gone:
            proposals.append(Proposal(universe.key, "delisted_cleanup", departures=gone))
    skipped = None if proposals else "no member of any universe is delisted"
    notes = {"delisted_securities": len(delisted), "memberships_to_end": sum(len(one.departures) for one in proposals)}
    return TaskResult(tuple(proposals), len(delisted), skipped, notes)


def theme_rebalancing(
    universes: Iterable[UniverseState], facts: pl.DataFrame, returns: Mapping[int, float], market: float | None
) -> TaskResult:
    """Propose a theme's members again by its rule when their return has moved away from the market's, up or down.

    Args:
        universes: all universes before the synchronisation.
        facts: `core.universes.facts.FACT_SCHEMA`.
        returns: total returns over `TRIGGER_SESSIONS` sessions, by security; fractions.
        market: the return of `MARKET_TICKER` over the same sessions; None where it is unknown.
    """
    proposals, waits, notes = [], [], dict[str, Any]()
    examined = compared = 0
    for universe in (one for one in universes if one.dated and one.type == "theme" and one.rule and one.members):
        known = [returns[member] for member in universe.members if member in returns]
        examined += len(universe.members)
        if market is None or not known:
            waits.append(f"{universe.key}: returns over {TRIGGER_SESSIONS} sessions are not known")
            continue
        compared += 1
        relative = median(known) - market
        notes[f"{universe.key}_relative_return"] = round(relative, 6)
        if abs(relative) > TRIGGER:
            proposals.append(_whole(universe, facts, "theme_rebalancing"))
        else:
            waits.append(f"{universe.key} {relative:+.2%}")
    if not compared:
        notes["no_value"] = why_not_compared(market, returns, examined)
    notes["triggered"] = ", ".join(one.universe for one in proposals) or "none"
    words = f"no theme moved by more than {TRIGGER:.0%} against {MARKET_TICKER} in {TRIGGER_SESSIONS} sessions: "
    skipped = None if proposals else words + ("; ".join(waits) or "there is no theme with members")
    return TaskResult(tuple(proposals), examined, skipped, notes)


def why_not_compared(market: float | None, returns: Mapping[int, float], members: int) -> str:
    """Why the return of no theme could be compared with the market's, in words.

    Args:
        market: the return of `MARKET_TICKER`; None where it is unknown.
        returns: known returns by security, of members and of the market.
        members: of all themes.
    """
    if not members:
        return "no theme has a member"
    if market is None:
        return (
            f"the return of {MARKET_TICKER} over {TRIGGER_SESSIONS} sessions is not known: its bars are missing "
            f"(known of {len(returns)} of {members} members)"
        )
    return f"the return over {TRIGGER_SESSIONS} sessions is known of none of the {members} members of themes"


def etf_universe_maintenance(universes: Iterable[UniverseState], facts: pl.DataFrame) -> TaskResult:
    """Compute every theme's figures; propose the departure of members that fail its rule, and a new theme's members."""
    proposals, examined = [], 0
    themes = [one for one in universes if one.dated and one.type == "theme" and one.rule]
    for universe in themes:
        evaluation, version = _evaluated(universe, facts), universe.rule_version
        examined += evaluation.assessments.height
        looked_at = evaluation.assessments["security_id"].to_list()
        figures = {
            row[0]: row[1:]
            for row in facts.filter(pl.col("security_id").is_in(looked_at))
            .select("security_id", "aum_usd", "expense_ratio", "adv20_usd")
            .iter_rows()
        }
        if not universe.determined and evaluation.members:
            whole = _proposal(universe, evaluation, "etf_universe_maintenance")
            proposals.append(replace(whole, figures=figures))
            continue
        # delisted_cleanup handles unlisted funds: an answer that lacks a fund proves nothing.
        listed = set(facts["security_id"])
        gone = tuple(one for one in _departures(universe, evaluation) if one.security_id in listed)
        evidence = {one.ticker: found for one in gone if (found := evaluation.evidence().get(one.ticker))}
        proposal = Proposal(
            universe.key, "etf_universe_maintenance", departures=gone, rule_version=version, evidence=evidence
        )
        proposals.append(replace(proposal, figures=figures))
    notes = {"themes": len(themes), "breaking_the_filter": sum(len(one.departures) for one in proposals)}
    return TaskResult(tuple(proposals), examined, None if themes else "there is no theme", notes)


def determine_by_rule(universes: Iterable[UniverseState], facts: pl.DataFrame) -> list[StagedTask]:
    """Propose the whole membership of every universe with a rule, regardless of triggers: for past sessions.

    Args:
        universes: the universes to determine, before the synchronisation.
        facts: `core.universes.facts.FACT_SCHEMA`.
    """
    chosen = [one for one in universes if one.dated and one.rule]
    themes = tuple(_whole(one, facts, "etf_universe_maintenance") for one in chosen if one.type == "theme")
    results = {
        "market_cap_recalculation": market_cap_recalculation(chosen, facts).proposals,
        "ipo_universe_assignment": ipo_universe_assignment(chosen, facts).proposals,
        "etf_universe_maintenance": themes,
    }
    return [StagedTask(task, proposals, facts.height, 0.0) for task, proposals in results.items()]


def _evaluated(universe: UniverseState, facts: pl.DataFrame) -> Evaluation:
    assert universe.rule is not None  # noqa: S101  # every caller has checked it
    return evaluate(universe.rule, facts, frozenset(universe.members))


def _whole(universe: UniverseState, facts: pl.DataFrame, task: str) -> Proposal:
    return _proposal(universe, _evaluated(universe, facts), task)


def _proposal(universe: UniverseState, evaluation: Evaluation, task: str) -> Proposal:
    members = tuple(member.security_id for member in evaluation.members)
    concerned = {*members, *universe.members}
    return Proposal(
        universe=universe.key,
        task=task,
        members=members,
        joined=sum(member not in universe.members for member in members),
        departures=_departures(universe, evaluation),
        rule_version=universe.rule_version,
        reasons={security: why for security, why in evaluation.reasons().items() if security in concerned},
        evidence=evaluation.evidence(),
    )


def _departures(universe: UniverseState, evaluation: Evaluation) -> tuple[Departure, ...]:
    stays = {member.security_id for member in evaluation.members}
    reasons = evaluation.reasons()
    return tuple(
        Departure(security, ticker, reasons.get(security, "not listed"))
        for security, ticker in universe.members.items()
        if security not in stays
    )
