-- What the vendor states of funds, of those whose type is among the wanted ones; written where something differs.
INSERT INTO fund_navs AS t (security_id, session, ticker, nav, source, processed_on, known_at)
SELECT i.security_id, n.session, n.ticker, n.value::numeric(18,6), %(source)s, n.processed_on, %(now)s
FROM unnest(%(tickers)s::text[], %(sessions)s::date[], %(values)s::text[], %(processed)s::date[])
    AS n (ticker, session, value, processed_on)
JOIN ticker_intervals AS i ON i.ticker = n.ticker AND covers(i.valid_from, i.valid_to, n.session)
JOIN securities_processing AS p USING (security_id)
WHERE p.equity_type = ANY (%(types)s::text[])
ORDER BY i.security_id, n.session
ON CONFLICT (security_id, session) DO UPDATE SET
    ticker = EXCLUDED.ticker, nav = EXCLUDED.nav, source = EXCLUDED.source, processed_on = EXCLUDED.processed_on,
    known_at = EXCLUDED.known_at
WHERE t.processed_on <= EXCLUDED.processed_on AND (t.ticker, t.nav, t.source) IS DISTINCT FROM (EXCLUDED.ticker, EXCLUDED.nav, EXCLUDED.source)
