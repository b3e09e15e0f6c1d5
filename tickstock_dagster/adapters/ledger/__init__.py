"""The ledger that every dataset shares: work units and who leases them, vendor calls, and how far a run is.

Deciding which units are needed belongs in `core.loading` and in the datasets' own folders.
"""
