"""Judging stored bars by rules: what each rule finds, why, and what would change it.

What follows from findings, scores, alerts and reports, belongs in `core.quality`.
"""
