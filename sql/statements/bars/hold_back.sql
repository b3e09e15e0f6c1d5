-- Staged bars with the values of a bar that was judged wrong and is held: they are not stored, and their cells stay owed.
-- A split nearby that was loaded after the judgement lets the bar in again, to be judged with it; what a person confirmed
-- stays out.
WITH held AS (
    DELETE FROM stage_bars AS s USING quarantined_bars AS q
    WHERE q.held AND (q.security_id, q.session) = (s.security_id, s.session)
        AND (s.open, s.high, s.low, s.close, s.volume) = (
            (q.row ->> 'open')::numeric, (q.row ->> 'high')::numeric, (q.row ->> 'low')::numeric,
            (q.row ->> 'close')::numeric, (q.row ->> 'volume')::bigint)
        AND (
            NOT EXISTS (
                SELECT FROM corporate_actions AS c
                WHERE c.security_id = q.security_id AND c.action = 'split' AND c.known_to IS NULL
                    AND c.known_from > q.quarantined_at AND c.ex_date BETWEEN q.session - 130 AND q.session + 130)
            OR EXISTS (
                SELECT FROM quality_anomalies AS a
                WHERE (a.security_id, a.session) = (q.security_id, q.session) AND a.state = 'confirmed'))
    RETURNING s.security_id, s.session, s.ticker, q.reason
), owed AS (
    INSERT INTO bar_gaps AS g (security_id, session, ticker, reason, evidence, source, noticed_at, retry_at)
    SELECT h.security_id, h.session, h.ticker, 'quarantined',
        %(source)s || ' repeats the bar that was judged wrong: ' || h.reason, %(source)s, %(now)s,
        %(now)s + CASE WHEN %(now)s::date - h.session < 30 THEN interval '1 day' ELSE interval '30 days' END
    FROM held AS h
    WHERE NOT EXISTS (
        SELECT FROM ohlcv_daily AS b WHERE (b.security_id, b.session) = (h.security_id, h.session) AND NOT b.is_fmv)
    ON CONFLICT (security_id, session) DO UPDATE SET
        reason = EXCLUDED.reason, evidence = EXCLUDED.evidence, retry_at = EXCLUDED.retry_at, source = EXCLUDED.source
)
SELECT h.security_id, h.session FROM held AS h
