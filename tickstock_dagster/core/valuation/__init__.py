"""Fair market values of securities that did not trade: the estimate, and how far it is off.

Prices that were printed belong in `core.bars`.
"""
