-- What has changed, since some findings were judged last, of that by which they were: actions and bars of their securities.
-- With each the printed bars around the finding's session: an action takes effect with the first one from its ex-date on.
WITH asked AS MATERIALIZED (
    SELECT a.security_id, a.session, a.rule,
        CASE a.rule WHEN 'sources_differ' THEN a.judged_at ELSE greatest(a.judged_at, r.reported_at) END AS since,
        (SELECT max(b.session) FROM ohlcv_daily AS b
            WHERE b.security_id = a.security_id AND b.session < a.session AND NOT b.is_fmv) AS before,
        (SELECT min(b.session) FROM ohlcv_daily AS b
            WHERE b.security_id = a.security_id AND b.session > a.session AND NOT b.is_fmv) AS after
    FROM unnest(%(security_ids)s::bigint[], %(sessions)s::date[], %(rules)s::text[]) AS w (security_id, session, rule)
    JOIN quality_anomalies AS a USING (security_id, session, rule)
    LEFT JOIN quality_reports AS r USING (session, security_id)
    WHERE a.dataset = %(dataset)s
), told AS (
    SELECT c.*, CASE c.action
        WHEN 'split' THEN format('split %%s:%%s', trim_scale(c.split_from), trim_scale(c.split_to))
        ELSE format('dividend %%s %%s', trim_scale(c.cash_amount), c.currency) END AS words
    FROM corporate_actions AS c
    WHERE c.security_id = ANY (%(security_ids)s::bigint[])
)
SELECT a.security_id, a.session, a.rule, a.before, a.after, c.what, c.day, c.words, c.at
FROM asked AS a
CROSS JOIN LATERAL (
    SELECT 'known' AS what, t.ex_date AS day, t.words, t.known_from AS at
    FROM told AS t
    WHERE t.security_id = a.security_id AND t.known_to IS NULL AND t.known_from > a.since
    UNION ALL
    SELECT 'ended', t.ex_date, t.words, t.known_to
    FROM told AS t
    WHERE t.security_id = a.security_id AND t.known_to > a.since AND t.known_from <= a.since AND NOT EXISTS (
        SELECT FROM told AS n
        WHERE (n.security_id, n.action, n.ex_date) = (t.security_id, t.action, t.ex_date) AND n.known_to IS NULL)
    UNION ALL
    SELECT 'corrected', k.session, NULL, k.known_to
    FROM bar_restatements AS k
    WHERE k.security_id = a.security_id AND k.known_to > a.since
        AND k.changed && ARRAY['open', 'high', 'low', 'close', 'volume', 'is_fmv']
    UNION ALL
    SELECT 'stored', b.session, NULL, b.loaded_at
    FROM ohlcv_daily AS b
    WHERE b.security_id = a.security_id AND b.session BETWEEN a.session - 130 AND a.session + 10
        AND b.loaded_at > a.since AND NOT b.is_fmv
    UNION ALL
    SELECT CASE WHEN q.held THEN 'set aside' ELSE 'put back' END, q.session, NULL,
        CASE WHEN q.held THEN q.quarantined_at ELSE q.resolved_at END
    FROM quarantined_bars AS q
    WHERE q.security_id = a.security_id AND q.row ? 'loaded_at'
        AND CASE WHEN q.held THEN q.quarantined_at ELSE q.resolved_at END > a.since
) AS c
WHERE c.day BETWEEN a.session - 130 AND a.session + 10
