"""What is expected and how it is asked for: coverage, completeness, planner, vendor plans, the end-of-day clock.

What a row must look like belongs in `core.bars`, memberships in `core.universes`.
"""
