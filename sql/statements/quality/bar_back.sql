-- Put a bar that was set aside back as it was, unless another one has been stored since; and say that it is released.
WITH released AS (
    UPDATE quarantined_bars AS q SET held = false, resolved_at = %(now)s
    WHERE q.quarantine_id = %(quarantine_id)s
    RETURNING q.row
), back AS (
    INSERT INTO ohlcv_daily
    SELECT b.* FROM released AS r CROSS JOIN LATERAL jsonb_populate_record(NULL::ohlcv_daily, r.row) AS b
    WHERE NOT EXISTS (
        SELECT FROM ohlcv_daily AS o WHERE (o.security_id, o.session) = (b.security_id, b.session))
    RETURNING security_id, session
), known AS (
    DELETE FROM bar_gaps AS g USING back AS b WHERE (g.security_id, g.session) = (b.security_id, b.session)
)
SELECT count(*) FROM back
