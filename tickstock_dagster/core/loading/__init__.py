"""What is expected and owed, and how it is asked for: coverage, completeness, planner, plans of vendors, the end-of-day clock.

What a row must look like belongs in `core.bars`, memberships in `core.universes`.
"""
