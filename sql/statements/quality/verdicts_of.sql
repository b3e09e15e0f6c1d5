-- Every verdict of a finding, the first one first.
SELECT v.given_at, v.given_by, v.how, v.was, v.verdict, v.cause, v.value, v.threshold, v.evidence
FROM quality_verdicts AS v
WHERE (v.security_id, v.session, v.rule, v.dataset) = (%(security_id)s, %(session)s, %(rule)s, %(dataset)s)
ORDER BY v.verdict_id
