"""Expectation and coverage in the store: which cells are expected, stored, explained and missing; the end of the day.

Fetching and writing rows belongs in the dataset's own folder, such as `adapters.bars`.
"""
