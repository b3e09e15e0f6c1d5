-- The types whose rules govern entries, and the priority of each.
SELECT equity_type, priority FROM equity_types
