"""Bars into the store: fetch, validate, explain, write, reconcile.

What is expected belongs in `adapters.loading`; asking the vendor in `adapters.sources`.
"""
