"""`tickstock quality`: the report of a symbol, findings with their evidence, decisions about them, and the rules."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from tickstock_dagster.cli.quality.compare import compare
from tickstock_dagster.cli.quality.decisions import confirm, release
from tickstock_dagster.cli.typed import COUNT
from tickstock_dagster.cli.workspace import open_workspace, parse_session, print_json, status
from tickstock_dagster.core.printable import printable

VERDICTS = ("explained", "suspicious", "wrong")
STATES = ("open", "released", "confirmed")
_STYLES = {"wrong": "red", "suspicious": "yellow", "explained": None}


@click.group(name="quality")
def command() -> None:
    """Show how good the stored data is, what is out of the ordinary in it, and decide about that."""


command.add_command(release)
command.add_command(confirm)
command.add_command(compare)


@command.command()
@click.argument("ticker")
@click.option("--session", help="YYYY-MM-DD; the latest closed session unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def analyze(*, ticker: str, session: str | None, as_json: bool) -> None:
    """Report on one symbol: scores, findings and what to do, as the session's report does for all of them."""
    from tickstock_dagster.adapters.quality.analysis import analyze_symbol_quality

    workspace = open_workspace()
    calendar, now = workspace.calendar, workspace.now()
    day = parse_session("--session", session, calendar, now) if session else calendar.latest_closed_session(now)
    with status("Judging"):
        found = analyze_symbol_quality(workspace.engine, calendar, ticker, day, now)
    scores = found.scores
    named = {"price": scores.price, "volume": scores.volume, "freshness": scores.freshness, "overall": scores.overall}
    anomalies = [
        {
            "rule": one.key.rule,
            "verdict": str(one.verdict),
            "severity": str(one.severity),
            "value": one.value,
            "threshold": one.threshold,
            "cause": one.cause,
            "evidence": one.evidence,
            "would_change": one.would_change,
            "settled_by": one.settled_by,
        }
        for one in found.findings
    ]
    if as_json:
        print_json(
            {
                "symbol": found.symbol,
                "session": found.session,
                **{f"{name}_score": value for name, value in named.items()},
                "missing_sessions": found.missing.sessions,
                "missing_in_a_row": found.missing.in_a_row,
                "anomalies": anomalies,
                "recommendations": found.recommendations,
                "reported": found.stored,
            }
        )
        return
    words = ", ".join(f"{name} {value:.1f}" for name, value in named.items())
    click.echo(f"{found.symbol} on {found.session}: {words}")
    if anomalies:
        _print_rows(("rule", "verdict", "value", "threshold", "cause"), anomalies)
    for words in found.recommendations or ("Nothing to do.",):
        click.echo(printable(words))


@command.command(name="list")
@click.option("--session", help="Of this session, YYYY-MM-DD.")
@click.option("--rule", help="Of this rule; `tickstock quality rules` lists them.")
@click.option("--verdict", type=click.Choice(VERDICTS), help="With this verdict.")
@click.option("--symbol", help="Of the security that has or had this ticker.")
@click.option("--state", type=click.Choice(STATES), help="Open, or as a person decided.")
@click.option("--withdrawn", is_flag=True, help="Those that their rule does not find any more, too.")
@click.option("--count", type=COUNT, default=50, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_(
    *,
    session: str | None,
    rule: str | None,
    verdict: str | None,
    symbol: str | None,
    state: str | None,
    withdrawn: bool,
    count: int,
    as_json: bool,
) -> None:
    """List findings, the newest session first and in it the worst."""
    from tickstock_dagster.adapters.quality.browsing import Filter, list_findings, rule_given

    workspace = open_workspace()
    day = parse_session("--session", session, workspace.calendar, workspace.now()) if session else None
    named = rule_given(rule) if rule else None
    rows = list_findings(workspace.engine, Filter(day, named, verdict, symbol, state, withdrawn), count)
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("No such finding")
        return
    shown = ("anomaly_id", "session", "ticker", "rule", "verdict", "state", "value", "threshold", "cause")
    _print_rows(shown, rows)


@command.command()
@click.argument("finding", metavar="NUMBER | TICKER SESSION RULE", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def show(*, finding: Sequence[str], as_json: bool) -> None:
    """Show one FINDING: its number, or TICKER SESSION RULE. With evidence, history, and what would change it."""
    from tickstock_dagster.adapters.quality.browsing import find_finding, show_finding

    engine = open_workspace().engine
    facts, history = show_finding(engine, find_finding(engine, finding))
    if as_json:
        print_json({**facts, "history": history})
        return
    for name, value in facts.items():
        if value is not None:
            click.echo(printable(f"{name:<13} {_evidence(value) if name == 'evidence' else value}"))
    click.echo("history")
    for row in history:
        before = f"{row['was']} → " if row["was"] else ""
        words = f"{row['given_at']:%Y-%m-%d %H:%M} {row['how']} by {row['given_by']}: {before}{row['verdict']}"
        click.echo(printable(f"  {words}: {row['cause']}"))


@command.command()
@click.option("--symbol", help="Of the security that has or had this ticker.")
@click.option("--count", type=COUNT, default=50, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def history(*, symbol: str | None, count: int, as_json: bool) -> None:
    """Show the verdicts that were given last, by rules and by people, the newest first."""
    from tickstock_dagster.adapters.quality.browsing import list_verdicts

    rows = list_verdicts(open_workspace().engine, symbol, count)
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("No verdict was given yet")
        return
    _print_rows(("given_at", "how", "anomaly_id", "ticker", "session", "rule", "verdict", "given_by", "cause"), rows)


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def rules(*, as_json: bool) -> None:
    """List the rules: what each finds, and by type how many of its findings people have confirmed.

    A rule whose share of confirmed findings is low proposes another threshold; only a person changes one.
    """
    from tickstock_dagster.adapters.quality.browsing import read_reliability
    from tickstock_dagster.core.judging.findings import RULES

    found = read_reliability(open_workspace().engine)
    rows: list[dict[str, Any]] = []
    for rule in RULES.values():
        plain = {"rule": rule.name, "family": str(rule.family), "finds": rule.title, "unit": rule.unit}
        of_rule = [one for one in found if one.rule == rule.name]
        rows += [
            plain
            | {
                "type": one.equity_type,
                "threshold": one.threshold,
                "findings": one.findings,
                "confirmed": len(one.confirmed),
                "released": len(one.released),
                "share": one.share,
                "proposed": one.proposed,
            }
            for one in of_rule
        ] or [plain]
    if as_json:
        print_json(rows)
        return
    _print_rows(("rule", "type", "threshold", "findings", "confirmed", "released", "share", "proposed", "finds"), rows)


def _print_rows(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """A table of some columns; text that is long comes last."""
    from tickstock_dagster.cli.tables import Column, print_table

    heads = {"anomaly_id": "no.", "given_at": "when", "given_by": "by", "ticker": "symbol"}
    last = names[-1]
    columns = [
        Column(
            heads.get(name, name),
            right=name in ("value", "threshold", "findings", "confirmed", "released", "share", "proposed"),
            text=name == last,
            leave_out=len(names) - place if place > len(names) // 2 else 0,
        )
        for place, name in enumerate(names)
    ]
    cells = [tuple(_cell(row.get(name)) for name in names) for row in rows]
    print_table(columns, cells, styles=[_STYLES.get(row.get("verdict", "")) for row in rows])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "hour") else str(value)


def _evidence(value: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {one}" for name, one in value.items() if one is not None)
