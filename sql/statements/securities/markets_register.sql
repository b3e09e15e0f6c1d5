-- Securities of a market known from its bars alone: new ones begin at their first bar, known ones reach as far as their
-- bars do. No list of a vendor covers them, so none may end them; what a file declares ended ends with its last bar, and
-- a later bar reopens it.
WITH found AS (
    SELECT *
    FROM unnest(%(tickers)s::text[], %(firsts)s::date[], %(lasts)s::date[], %(ends)s::date[])
        AS f (ticker, first, last, ends_on)
), made AS (
    INSERT INTO securities (name, primary_exchange, currency, updated_at)
    SELECT f.ticker, %(mic)s, %(currency)s, %(now)s
    FROM found AS f
    WHERE NOT EXISTS (SELECT FROM ticker_intervals AS i WHERE i.ticker = f.ticker)
    ORDER BY f.ticker
    RETURNING security_id, name
), begun AS (
    INSERT INTO ticker_intervals (security_id, ticker, valid_from, valid_to, start_known, seen_from, seen_to)
    SELECT m.security_id, f.ticker, f.first, f.ends_on, 'first_bar', f.first, f.last
    FROM made AS m
    JOIN found AS f ON f.ticker = m.name
    RETURNING security_id
), reached AS (
    UPDATE ticker_intervals AS i SET
        valid_from = least(i.valid_from, f.first), seen_from = least(i.seen_from, f.first),
        seen_to = greatest(i.seen_to, f.last),
        valid_to = CASE WHEN i.seen_to > f.last OR i.valid_to > f.last THEN i.valid_to ELSE f.ends_on END
    FROM found AS f
    WHERE i.ticker = f.ticker AND (
        i.seen_from > f.first OR i.seen_to < f.last
        OR (i.seen_to = f.last AND i.valid_to IS NULL AND f.ends_on IS NOT NULL))
    RETURNING i.security_id
)
SELECT (SELECT count(*) FROM begun), (SELECT count(*) FROM reached)
