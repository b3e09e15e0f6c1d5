-- What is found, and what was decided. Findings that were withdrawn, and what was published about them, are how the store came to be
-- as it is: an outage that was made up for leaves the same content.
SELECT a.session, a.ticker, a.rule, a.dataset, a.verdict, a.severity, a.cause, a.value, a.threshold, a.evidence,
    a.would_change, a.settled_by, a.state, a.decided_by, a.decided_why, a.decided_on
FROM quality_anomalies AS a
WHERE a.withdrawn_at IS NULL
ORDER BY a.session, a.ticker COLLATE "C", a.rule, a.dataset
