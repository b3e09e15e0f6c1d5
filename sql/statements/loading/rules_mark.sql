-- Grows with every change of an equity type: each has its own version, which only ever grows.
SELECT coalesce(sum(version), 0) FROM equity_types
