"""Splits, dividends and their effect on prices: versions of actions, factors, total returns.

Bars themselves belong in `core.bars`.
"""
