-- A line of history for each verdict: its cause, with what has changed since the verdict before where that is said.
INSERT INTO quality_verdicts (
    security_id, session, rule, dataset, was, verdict, how, cause, value, threshold, evidence, given_by, given_at)
SELECT r.security_id, r.session, r.rule, r.dataset, r.was, r.verdict, r.how, coalesce(r.said, r.cause), r.value,
    r.threshold, r.evidence, %(given_by)s, %(now)s
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    security_id bigint, session date, rule text, dataset text, was text, verdict text, how text, cause text, said text,
    value double precision, threshold double precision, evidence jsonb)
RETURNING security_id, session, rule, dataset, verdict_id
