-- Whether a tracked universe of a market is expected on a session.
SELECT EXISTS (
    SELECT FROM cache_entries
    WHERE track AND track_from <= %(session)s AND universe_in_market(key, %(market)s, %(abroad)s::text[]))
