-- Explain cells without a bar. A bar that is stored, perhaps by another process meanwhile, needs no explanation. Only a
-- new good answer without the bar adds to the count of answers, not a failed one or an old one evaluated again.
INSERT INTO bar_gaps AS g (security_id, session, ticker, reason, evidence, source, noticed_at, retry_at, answers)
SELECT s.security_id, s.session, s.ticker, s.reason, s.evidence, %(source)s, %(now)s, s.retry_at,
    starts_with(s.evidence, %(answer)s)::integer
FROM stage_gaps AS s
WHERE NOT EXISTS (
    SELECT FROM ohlcv_daily AS b
    WHERE b.security_id = s.security_id AND b.session = s.session AND NOT b.is_fmv)
ON CONFLICT (security_id, session) DO UPDATE SET
    ticker = EXCLUDED.ticker, reason = EXCLUDED.reason, evidence = EXCLUDED.evidence, source = EXCLUDED.source,
    noticed_at = CASE WHEN g.reason = EXCLUDED.reason THEN g.noticed_at ELSE EXCLUDED.noticed_at END,
    retry_at = EXCLUDED.retry_at,
    answers = g.answers
        + (EXCLUDED.answers = 1 AND EXCLUDED.retry_at IS DISTINCT FROM g.retry_at)::integer
