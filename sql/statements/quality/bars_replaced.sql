-- Of some judged bars, those in whose place another one is stored now; a field that is left out is not compared.
SELECT w.security_id, w.session
FROM unnest(%(security_ids)s::bigint[], %(sessions)s::date[], %(bars)s::jsonb[]) AS w (security_id, session, bar)
JOIN ohlcv_daily AS b USING (security_id, session)
WHERE NOT b.is_fmv AND (b.open::float8, b.high::float8, b.low::float8, b.close::float8, b.volume::float8) <> (
    coalesce((w.bar ->> 'open')::float8, b.open::float8), coalesce((w.bar ->> 'high')::float8, b.high::float8),
    coalesce((w.bar ->> 'low')::float8, b.low::float8), coalesce((w.bar ->> 'close')::float8, b.close::float8),
    coalesce((w.bar ->> 'volume')::float8, b.volume::float8))
