"""`tickstock quality release` and `confirm`: what a person decides about a finding."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from tickstock_dagster.cli.typed import account
from tickstock_dagster.cli.workspace import open_workspace, print_json
from tickstock_dagster.core.printable import plain_reason, printable
from tickstock_dagster.core.quality.lifecycle import State


def _options(function: Callable[..., None]) -> Callable[..., None]:
    """What both take."""
    for decorate in (
        click.option("--json", "as_json", is_flag=True, help="Print a JSON object."),
        click.option("--by", help="Who decides; the account's name unless given."),
        click.option("--reason", required=True, help="Why; kept with the finding."),
        click.argument("finding", metavar="NUMBER | TICKER SESSION RULE", nargs=-1, required=True),
    ):
        function = decorate(function)
    return function


@click.command()
@_options
def release(*, finding: Sequence[str], reason: str, by: str | None, as_json: bool) -> None:
    """Release a FINDING (its number, or TICKER SESSION RULE): the row is right.

    A row that was set aside comes back exactly as it was. The decision stands as long as the bar is this one.
    """
    _decide(State.RELEASED, finding, reason, by, as_json=as_json)


@click.command()
@_options
def confirm(*, finding: Sequence[str], reason: str, by: str | None, as_json: bool) -> None:
    """Confirm a FINDING (its number, or TICKER SESSION RULE): the row is wrong.

    The row is set aside and its bar stays owed; an answer that repeats it stores nothing.
    """
    _decide(State.CONFIRMED, finding, reason, by, as_json=as_json)


def _decide(state: State, named: Sequence[str], reason: str, by: str | None, *, as_json: bool) -> None:
    from tickstock_dagster.adapters.quality.browsing import find_finding
    from tickstock_dagster.adapters.quality.decisions import decide

    why, who = plain_reason(reason, "--reason"), plain_reason(account("--by") if by is None else by, "--by")
    workspace = open_workspace()
    key = find_finding(workspace.engine, named)
    done = decide(workspace.engine, key, state, by=who, why=why, run_id="cli", now=workspace.now())
    facts: dict[str, Any] = {
        "state": str(state),
        "changed": bool(done.findings),
        "findings": [{"symbol": one.ticker, "session": one.key.session, "rule": one.key.rule} for one in done.findings],
        "bar_put_back": done.bar_put_back,
        "bar_set_aside": done.bar_set_aside,
    }
    if as_json:
        print_json(facts)
        return
    if not done.findings:
        click.echo(f"It was {state} before; nothing was changed")
    for one in done.findings:
        click.echo(printable(f"{one.ticker} {one.key.session} {one.key.rule}: {state}"))
    if done.bar_put_back:
        click.echo("The bar is stored again as it was")
    if done.bar_set_aside:
        click.echo("The bar is set aside, and owed")
