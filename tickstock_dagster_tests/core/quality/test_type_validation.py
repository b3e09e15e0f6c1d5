"""Verdicts on symbols by the rules of their types: unknown is unknown, and a limit itself is kept."""

import pytest

from tickstock_dagster.core.quality.type_validation import Figures, Verdict, validate
from tickstock_dagster.core.securities.equity_types import ValidationRules

ETF = ValidationRules(aum_minimum=5e7, dollar_volume_threshold=1e6, volume_threshold=100_000, expense_ratio_max=0.02)
SHARES = ValidationRules(volume_threshold=100_000)
GOOD = Figures(5e7, 1e6, 100.0, 0.02)


@pytest.mark.parametrize(
    ("rules", "figures", "verdict", "reason"),
    [
        (ETF, GOOD, Verdict.PASSES, "aum_usd 50,000,000; adv20_usd 1,000,000; expense_ratio 0.02"),
        (ETF, Figures(1e7, 1e6, 1e6, 0.03), Verdict.FAILS,
         "aum_usd 10,000,000 is below 50,000,000; expense_ratio 0.03 is above 0.02"),
        (ETF, Figures(None, 1e6, 1e6, None), Verdict.UNKNOWN, "not known: aum_usd, expense_ratio"),
        (ETF, Figures(None, 5e5, 1e6, 0.01), Verdict.FAILS, "adv20_usd 500,000 is below 1,000,000"),
        (SHARES, Figures(adv20_shares=99_999.0), Verdict.FAILS, "adv20_shares 99,999 is below 100,000"),
        (SHARES, Figures(), Verdict.UNKNOWN, "not known: adv20_shares"),
        (ValidationRules(), Figures(), Verdict.PASSES, "its type has no rules"),
    ],
)  # fmt: skip
def test_the_verdict_names_its_numbers(rules: ValidationRules, figures: Figures, verdict: Verdict, reason: str) -> None:
    found = validate(rules, figures)
    assert (found.verdict, found.reason) == (verdict, reason)
