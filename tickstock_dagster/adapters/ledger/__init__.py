"""The ledger that every dataset shares: work units, vendor calls, and how far a run is.

Deciding which units are needed belongs in `core.loading` and in the datasets' own folders.
"""
