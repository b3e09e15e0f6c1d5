"""`python -m tickstock_dagster.simulator`: the same as `tickstock simulator`."""

import sys

from tickstock_dagster.cli.operations.simulator import command

if __name__ == "__main__":
    # Compose cannot leave an argument out: `--now=` is one that is not given.
    given = [text for text in sys.argv[1:] if not (text.startswith("--") and text.endswith("="))]
    command(given, prog_name="python -m tickstock_dagster.simulator")
