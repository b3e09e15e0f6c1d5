"""Which bars are expected and how a load asks for them: coverage, completeness, planner, vendor plans, end of day.

The validation of rows belongs in `core.bars`, memberships in `core.universes`.
"""
