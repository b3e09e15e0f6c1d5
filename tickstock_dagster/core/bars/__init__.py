"""Rows of bars: their columns, their validation, the cells an answer leaves absent, and the next day's reconcile.

Which bars are expected, and which calls fetch them, belongs in `core.loading`.
"""
