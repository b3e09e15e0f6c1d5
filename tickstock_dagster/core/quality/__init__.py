"""What is out of the ordinary in stored data: anomalies of bars, tracking of ETFs, gaps that last.

Refusing a malformed row on arrival belongs in `core.bars`.
"""
