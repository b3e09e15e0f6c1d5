"""Bars into the store: fetch, validate, explain, write, reconcile.

Expectation and coverage belong in `adapters.loading`, asking the vendor in `adapters.sources`.
"""
