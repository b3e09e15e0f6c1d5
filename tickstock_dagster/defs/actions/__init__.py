"""The asset of splits and dividends.

Bars belong in `defs.bars`.
"""
