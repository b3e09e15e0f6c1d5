-- The tracked universes with members in a market, each with the first session on which their bars are expected.
SELECT key, track_from FROM cache_entries
WHERE track AND universe_in_market(key, %(market)s, %(abroad)s::text[])
ORDER BY track_from, key COLLATE "C"
