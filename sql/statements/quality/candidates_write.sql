-- Keeps the staged bars of a source; what came before under the same name is replaced where it was another.
INSERT INTO bar_candidates AS kept (
    security_id, session, source, ticker, adjusted, venue, open, high, low, close, volume, compared_at)
SELECT s.security_id, s.session, %(source)s, s.ticker, %(adjusted)s, %(venue)s, s.open, s.high, s.low, s.close, s.volume,
    %(now)s
FROM candidate_stage AS s
ON CONFLICT (security_id, session, source) DO UPDATE SET
    ticker = excluded.ticker, adjusted = excluded.adjusted, venue = excluded.venue, open = excluded.open,
    high = excluded.high, low = excluded.low, close = excluded.close, volume = excluded.volume,
    compared_at = excluded.compared_at
WHERE (kept.adjusted, kept.venue, kept.open, kept.high, kept.low, kept.close, kept.volume)
    IS DISTINCT FROM (excluded.adjusted, excluded.venue, excluded.open, excluded.high, excluded.low, excluded.close,
        excluded.volume)
