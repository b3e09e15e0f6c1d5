import pytest

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.securities.tickers import canonical_ticker
from tickstock_dagster.core.universes.profiles import DEFAULT_PROFILE, ETFS, PROFILES, STOCKS, profile_named


@pytest.mark.parametrize(
    ("name", "stocks", "etfs", "months", "days", "minute_bars"),
    [
        ("dev", 10, 5, 6, None, False),
        ("patterns", 40, 10, 6, None, True),
        ("backtesting", 80, 20, 12, None, False),
        ("ui_testing", 15, 5, 3, None, True),
        ("etf_analysis", 0, 40, 12, None, False),
        ("patterns_lite", 15, 5, None, 90, True),
        ("backtesting_lite", 40, 10, None, 365, False),
        ("ui_testing_lite", 7, 3, None, 30, True),
    ],
)
def test_every_profile_has_the_size_and_span_of_the_products_table(name, stocks, etfs, months, days, minute_bars):
    profile = profile_named(name)
    assert len(set(profile.tickers) & set(STOCKS)) == stocks
    assert len(set(profile.tickers) & set(ETFS)) == etfs
    assert len(profile.tickers) == stocks + etfs
    assert (profile.months, profile.days, profile.minute_bars) == (months, days, minute_bars)
    assert (profile.name, profile.universe) == (name, f"profile_{name}")


def test_the_table_above_names_all_profiles_and_the_default():
    assert list(PROFILES) == [
        "dev", "patterns", "backtesting", "ui_testing", "etf_analysis",
        "patterns_lite", "backtesting_lite", "ui_testing_lite",
    ]  # fmt: skip
    assert DEFAULT_PROFILE == "dev"


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_a_profile_is_bounded_described_and_names_each_ticker_once_and_canonically(profile):
    assert (profile.months is None) != (profile.days is None)
    assert (profile.months or profile.days) > 0
    assert profile.description
    assert len(set(profile.tickers)) == len(profile.tickers)
    assert [canonical_ticker(ticker) for ticker in profile.tickers] == list(profile.tickers)


def test_no_ticker_is_stock_and_etf_at_once():
    assert len({*STOCKS, *ETFS}) == len(STOCKS) + len(ETFS)


@pytest.mark.parametrize("small", [name for name in PROFILES if name.endswith("_lite")])
def test_a_small_profile_is_part_of_its_full_one(small):
    full = profile_named(small.removesuffix("_lite"))
    assert set(profile_named(small).tickers) < set(full.tickers)
    assert profile_named(small).minute_bars == full.minute_bars


@pytest.mark.parametrize(
    ("name", "words"),
    [("pattern", "did you mean patterns?"), ("", "accepted: backtesting, "), ("DEV", "accepted: backtesting, ")],
)
def test_an_unknown_profile_is_refused_with_the_nearest_and_all_names(name, words):
    with pytest.raises(BadInputError) as caught:
        profile_named(name)
    assert words in str(caught.value)
    assert all(known in str(caught.value) for known in PROFILES)
