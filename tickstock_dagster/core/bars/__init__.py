"""Rows of bars: their columns, their validation, what an answer leaves absent, and the reconcile a day later.

Which bars are expected, and which calls fetch them, belongs in `core.loading`.
"""
