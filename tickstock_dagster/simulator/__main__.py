"""`python -m tickstock_dagster.simulator`: the same as `tickstock simulator`."""

from tickstock_dagster.cli.operations.simulator import command

if __name__ == "__main__":
    command(prog_name="python -m tickstock_dagster.simulator")
