-- The candidates of some sessions ($1 to $2), whatever source they are from.
SELECT security_id, session, ticker, source, adjusted, venue, open, high, low, close, volume
FROM bar_candidates WHERE session BETWEEN $1::date AND $2::date
