"""The asset of fair market values and what launches it.

Bars that were printed belong in `defs.bars`.
"""
