"""The simulator's page names everything that it can be asked for."""

import re
from pathlib import Path

from tickstock_dagster.cli.operations.simulator import command
from tickstock_dagster.simulator.faults.catalogue import FAULTS
from tickstock_dagster.simulator.synthetic.oddities import odd_members
from tickstock_dagster.simulator.vendor import ENDPOINTS

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()


def test_every_fault_with_its_own_parameters_is_on_the_page() -> None:
    common = {"fault", "path", "ticker", "day", "times"}
    for name, kind in FAULTS.items():
        (row,) = [line for line in PAGE.splitlines() if line.startswith("|") and f"`{name}`" in line]
        assert [own for own in set(kind.model_fields) - common if f"`{own}`" not in row] == []


def test_every_option_and_endpoint_is_on_the_page() -> None:
    options = [name for option in command.params for name in option.opts]
    assert [name for name in options if f"`{name}" not in PAGE] == []
    plain = [re.sub(r"/?\{[^}]*\}.*", "", path) for path in ENDPOINTS]
    assert [path for path in plain if path not in PAGE] == []


def test_every_awkward_ticker_is_on_the_page() -> None:
    tickers = {span.ticker for security, _, _ in odd_members() for span in security.spans} - {"METV"}
    assert [
        ticker for ticker in sorted(tickers) if not re.search(rf"^\|.*\b{re.escape(ticker)}\b", PAGE, re.MULTILINE)
    ] == []
