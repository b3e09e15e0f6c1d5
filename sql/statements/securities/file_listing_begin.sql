-- Securities that a file of bars has shown first, each with its one interval.
WITH found AS (
    SELECT *
    FROM unnest(
        %(tickers)s::text[], %(valid_from)s::date[], %(valid_to)s::date[], %(seen_from)s::date[], %(seen_to)s::date[]
    ) WITH ORDINALITY AS f (ticker, valid_from, valid_to, seen_from, seen_to, place)
), made AS (
    INSERT INTO securities (updated_at, on_lists)
    SELECT %(now)s, false
    FROM found
    ORDER BY place
    RETURNING security_id
), numbered AS (
    SELECT security_id, row_number() OVER (ORDER BY security_id) AS place FROM made
)
INSERT INTO ticker_intervals (security_id, ticker, valid_from, valid_to, start_known, seen_from, seen_to)
SELECT n.security_id, f.ticker, f.valid_from, f.valid_to, 'first_bar', f.seen_from, f.seen_to
FROM numbered AS n
JOIN found AS f USING (place)
