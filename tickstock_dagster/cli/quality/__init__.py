"""`tickstock quality`: reports of symbols, findings, and what people decide about them.

Judging belongs in `core.quality`, the store's part in `adapters.quality`.
"""
