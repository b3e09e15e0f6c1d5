"""What is unusual in stored data: anomalies of bars, tracking of ETFs, long gaps.

Rejecting a malformed row on arrival belongs in `core.bars`.
"""
