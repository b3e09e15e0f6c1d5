"""The ledger that every dataset shares: work units and who leases them, the processing queue, vendor calls.

Deciding which units are needed belongs in `core.loading` and in the datasets' own folders.
"""
