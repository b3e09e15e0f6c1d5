"""Fair market values of securities that did not trade: the estimate, and its accuracy.

Printed prices belong in `core.bars`.
"""
