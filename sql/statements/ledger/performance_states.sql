-- When each type was measured last, and whether it missed a target then.
SELECT DISTINCT ON (equity_type) equity_type, day, breached
FROM processing_performance
ORDER BY equity_type, day DESC
