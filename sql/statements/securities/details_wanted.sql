-- Symbols of a day by their tickers, as its list has them.
SELECT v.security_id, v.ticker, v.name, v.equity_type, s.composite_figi, NULL::date
FROM symbol_versions AS v
JOIN securities AS s USING (security_id)
WHERE v.seen_from <= %(on)s AND v.seen_to >= %(on)s AND v.ticker = ANY (%(tickers)s::text[])
