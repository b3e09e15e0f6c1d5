"""Splits, dividends and what they do to prices: versions of actions, factors, total returns.

Bars themselves belong in `core.bars`.
"""
