"""Expectation and coverage in the store: what is expected, stored, explained and missing, and the end of the day.

Fetching and writing rows belongs in the dataset's own room, such as `adapters.bars`.
"""
