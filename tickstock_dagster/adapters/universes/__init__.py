"""Universes in the store: lists, rules, memberships in two clocks, synchronisation, correlations.

What is tracked, and so expected, is read in `adapters.loading`.
"""
