INSERT INTO market_calendar AS c (calendar, session, opens_at, closes_at, is_early_close)
SELECT %(calendar)s, day.*
FROM unnest(%(sessions)s::date[], %(opens_at)s::timestamptz[], %(closes_at)s::timestamptz[], %(early)s::boolean[])
    AS day (session, opens_at, closes_at, is_early_close)
ON CONFLICT (calendar, session) DO UPDATE SET
    opens_at = EXCLUDED.opens_at, closes_at = EXCLUDED.closes_at, is_early_close = EXCLUDED.is_early_close
WHERE (c.opens_at, c.closes_at, c.is_early_close)
    IS DISTINCT FROM (EXCLUDED.opens_at, EXCLUDED.closes_at, EXCLUDED.is_early_close)
