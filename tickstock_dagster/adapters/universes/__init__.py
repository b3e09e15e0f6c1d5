"""Universes in the store: lists, rules, memberships in two clocks, synchronisation, correlations.

What is tracked, and so expected, belongs in `adapters.loading`.
"""
