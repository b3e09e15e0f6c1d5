"""`tickstock quality release` and `confirm`: what a person decides about a finding, or about a range of them."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from tickstock_dagster.cli.typed import account
from tickstock_dagster.cli.workspace import open_workspace, parse_date, print_json
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.printable import plain_reason, printable
from tickstock_dagster.core.quality.lifecycle import State


def _options(function: Callable[..., None]) -> Callable[..., None]:
    """What both take."""
    for decorate in (
        click.option("--json", "as_json", is_flag=True, help="Print a JSON object."),
        click.option("--by", help="Who decides; the account's name unless given."),
        click.option("--reason", required=True, help="Why; kept with the finding."),
        click.option("--until", help="Last session of a range, YYYY-MM-DD; no end unless given."),
        click.option("--since", help="First session of a range, YYYY-MM-DD."),
        click.option("--rule", help="Of a range: the rule whose findings are decided."),
        click.option("--symbol", help="Instead of a FINDING, a range: of the security that has or had this ticker."),
        click.argument("finding", metavar="[NUMBER | TICKER SESSION RULE]", nargs=-1),
    ):
        function = decorate(function)
    return function


@click.command()
@_options
def release(**given: Any) -> None:
    """Release a FINDING (its number, or TICKER SESSION RULE): the row is right.

    A row that was set aside comes back exactly as it was. The decision stands as long as the bar is this one. With
    --symbol, --rule and --since all findings of a range that nothing explains, in one transaction.
    """
    _decide(State.RELEASED, **given)


@click.command()
@_options
def confirm(**given: Any) -> None:
    """Confirm a FINDING (its number, or TICKER SESSION RULE): the row is wrong.

    The row is set aside and its bar stays owed; an answer that repeats it stores nothing. With --symbol, --rule and
    --since all findings of a range that nothing explains, in one transaction.
    """
    _decide(State.CONFIRMED, **given)


def _decide(
    state: State,
    *,
    finding: Sequence[str],
    symbol: str | None,
    rule: str | None,
    since: str | None,
    until: str | None,
    reason: str,
    by: str | None,
    as_json: bool,
) -> None:
    from tickstock_dagster.adapters.quality.browsing import find_finding, range_given
    from tickstock_dagster.adapters.quality.decisions import decide, decide_range

    given = {"--symbol": symbol, "--rule": rule, "--since": since, "--until": until}
    asked = None if finding else range_given(given, parse_date)
    if finding and (named := [name for name, value in given.items() if value is not None]):
        raise BadInputError("finding", " ".join(finding), f"one finding, or a range without one: not with {named[0]}")
    why, who = plain_reason(reason, "--reason"), plain_reason(account("--by") if by is None else by, "--by")
    workspace = open_workspace()
    engine, now = workspace.engine, workspace.now()
    if asked is None:
        made = [decide(engine, find_finding(engine, finding), state, by=who, why=why, run_id="cli", now=now)]
    else:
        made = [*decide_range(engine, asked, state, by=who, why=why, run_id="cli", now=now)]
    decided = [one for decision in made for one in decision.findings]
    back, aside = sum(one.bar_put_back for one in made), sum(one.bar_set_aside for one in made)
    facts: dict[str, Any] = {
        "state": str(state),
        "changed": bool(decided),
        "findings": [{"symbol": one.ticker, "session": one.key.session, "rule": one.key.rule} for one in decided],
        "bar_put_back": bool(back),
        "bar_set_aside": bool(aside),
        "bars_put_back": back,
        "bars_set_aside": aside,
    }
    if as_json:
        print_json(facts)
        return
    if not decided:
        click.echo(f"It was {state} before; nothing was changed")
    for one in decided:
        click.echo(printable(f"{one.ticker} {one.key.session} {one.key.rule}: {state}"))
    if back:
        click.echo("The bar is stored again as it was" if back == 1 else f"{back} bars are stored again as they were")
    if aside:
        click.echo("The bar is set aside, and owed" if aside == 1 else f"{aside} bars are set aside, and owed")
