-- A load of everything tracked in a market asks for the sessions from %(first)s on. Universes expected from later on are
-- expected from there, where the load leaves no hole: it reaches up to the day before %(reach)s.
UPDATE cache_entries SET track_from = %(first)s, updated_at = %(now)s
WHERE track AND track_from > %(first)s AND track_from <= %(reach)s
    AND CASE WHEN %(universe)s::text IS NULL THEN universe_in_market(key, %(market)s, %(abroad)s::text[])
        ELSE key = %(universe)s END
