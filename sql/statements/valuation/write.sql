-- Store values where the session still has no print and its gap is still final. An estimate never replaces a vendor's
-- value, which cannot be fetched again. Unchanged rows are not touched; a changed one keeps its former value.
WITH wanted AS (
    SELECT s.*
    FROM stage_fair_values AS s
    JOIN bar_gaps AS g USING (security_id, session)
    WHERE g.is_final
        AND NOT EXISTS (
            SELECT FROM ohlcv_daily AS b
            WHERE (b.security_id, b.session) = (s.security_id, s.session) AND NOT b.is_fmv)
        AND NOT (s.method <> 'vendor' AND EXISTS (
            SELECT FROM fair_values AS f
            WHERE (f.security_id, f.session) = (s.security_id, s.session) AND f.method = 'vendor'))
), noted AS (
    INSERT INTO fair_values AS f (
        security_id, session, ticker, fmv, source, method, reference, beta, last_session, last_close,
        sessions_since_print, valued_at)
    SELECT w.security_id, w.session, w.ticker, w.fmv, w.source, w.method, w.reference, w.beta, w.last_session,
        w.last_close, w.sessions_since_print, %(now)s
    FROM wanted AS w
    ON CONFLICT (security_id, session) DO UPDATE SET
        ticker = EXCLUDED.ticker, fmv = EXCLUDED.fmv, source = EXCLUDED.source, method = EXCLUDED.method,
        reference = EXCLUDED.reference, beta = EXCLUDED.beta, last_session = EXCLUDED.last_session,
        last_close = EXCLUDED.last_close, sessions_since_print = EXCLUDED.sessions_since_print,
        valued_at = EXCLUDED.valued_at
    WHERE (f.ticker, f.fmv, f.source, f.method, f.reference, f.beta, f.last_session, f.last_close,
            f.sessions_since_print)
        IS DISTINCT FROM (EXCLUDED.ticker, EXCLUDED.fmv, EXCLUDED.source, EXCLUDED.method, EXCLUDED.reference,
            EXCLUDED.beta, EXCLUDED.last_session, EXCLUDED.last_close, EXCLUDED.sessions_since_print)
), kept AS (
    INSERT INTO bar_restatements (
        security_id, session, changed, old_volume, old_fmv, old_is_fmv, old_source, old_status, known_from, known_to)
    SELECT b.security_id, b.session, ARRAY['fmv'], b.volume, b.fmv, b.is_fmv, b.source, b.status, b.loaded_at, %(now)s
    FROM ohlcv_daily AS b
    JOIN wanted AS w USING (security_id, session)
    WHERE b.session BETWEEN %(first)s AND %(last)s AND b.fmv <> w.fmv
), written AS (
    INSERT INTO ohlcv_daily AS b (
        security_id, session, ticker, closes_at, volume, fmv, is_fmv, source, status, loaded_at)
    SELECT w.security_id, w.session, w.ticker, w.closes_at, 0, w.fmv, true, w.source, 'provisional', %(now)s
    FROM wanted AS w
    ON CONFLICT (security_id, session) DO UPDATE SET
        ticker = EXCLUDED.ticker, closes_at = EXCLUDED.closes_at, fmv = EXCLUDED.fmv, source = EXCLUDED.source,
        loaded_at = EXCLUDED.loaded_at
    WHERE b.is_fmv AND (b.ticker, b.closes_at, b.fmv, b.source)
        IS DISTINCT FROM (EXCLUDED.ticker, EXCLUDED.closes_at, EXCLUDED.fmv, EXCLUDED.source)
    RETURNING b.security_id
)
SELECT count(*) FROM written
