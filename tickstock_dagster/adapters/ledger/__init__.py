"""The ledger that every dataset shares: work units, vendor calls, and how far a run is.

Which units are needed belongs in `core.loading` and the datasets' own rooms.
"""
