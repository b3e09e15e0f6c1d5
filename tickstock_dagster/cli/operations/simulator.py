"""`tickstock simulator`: serve a local stand-in for the vendor's REST API."""

from pathlib import Path

import click

from tickstock_dagster.core.errors import BadInputError, TickstockError
from tickstock_dagster.core.loading.vendor_plans import PlanName

DEFAULT_PORT = 8089


@click.command(name="simulator")
@click.option("--port", default=DEFAULT_PORT, show_default=True, help="TCP port; 0 takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--plan", default=PlanName.STARTER.value, show_default=True, help="Plan of keys that name none.")
@click.option("--bars", type=click.Path(path_type=Path), help="Serve this Parquet or CSV instead of synthetic bars.")
@click.option("--date-format", help="Of the bars: how their dates are written, as %m/%d/%Y.")
@click.option("--actions", help="Of the bars: their splits and dividends, a table or a folder of factor files.")
@click.option("--listings", help="Of the bars: their listings and renames, a table or a folder of map files.")
@click.option("--seed", default=7, show_default=True, help="Seed of the synthetic market.")
@click.option(
    "--symbols",
    default="300",
    show_default=True,
    metavar="N|FILE",
    help="Size of the synthetic market, or a CSV or Parquet of the symbols to list.",
)
@click.option("--etf-facts", is_flag=True, help="Every key includes the ETF data, an add-on.")
@click.option("--rough", is_flag=True, help="As unkind as the vendor: parts of shares, no FIGI for many, odd suffixes.")
@click.option("--now", help="The vendor's clock stands at this ISO instant.  [default: the real clock]")
@click.option(
    "--api-key", "api_keys", multiple=True, help="Accepted key, KEY or KEY=PLAN; may be repeated.  [default: simulator]"
)
@click.option("--no-control", is_flag=True, help="Do not serve /_control/*.")
def command(
    port: int,
    host: str,
    plan: str,
    bars: Path | None,
    date_format: str | None,
    actions: str | None,
    listings: str | None,
    seed: int,
    symbols: str,
    etf_facts: bool,
    rough: bool,
    now: str | None,
    api_keys: tuple[str, ...],
    no_control: bool,
) -> None:
    """Serve a local stand-in for the vendor's REST API: synthetic or given bars, plan limits, faults on demand."""
    from tickstock_dagster.cli.interruption import handle_yourself
    from tickstock_dagster.core.bars.file_options import with_options
    from tickstock_dagster.core.loading.vendor_plans import vendor_plan
    from tickstock_dagster.simulator.options import DEFAULT_KEY, SimulatorOptions, parse_instant, parse_symbols
    from tickstock_dagster.simulator.server import serve

    try:
        declared = {"date-format": date_format, "actions": actions, "listings": listings}
        if bars is None and any(declared.values()):
            raise BadInputError(
                "--date-format, --actions, --listings", "without --bars", "with the bars that they are of"
            )
        size, symbol_file = parse_symbols(symbols)
        handle_yourself()  # the server has its own way to end
        serve(
            SimulatorOptions(
                host=host,
                port=port,
                plan=vendor_plan(plan).name,
                bars=Path(with_options(str(bars), declared)) if bars else None,
                seed=seed,
                symbols=size,
                symbol_file=symbol_file,
                etf_facts=etf_facts,
                rough=rough,
                now=parse_instant(now) if now else None,
                api_keys=api_keys or (DEFAULT_KEY,),
                control=not no_control,
            )
        )
    except TickstockError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(error.exit_code) from None
