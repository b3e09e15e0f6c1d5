-- Whether a tracked universe is expected on a session.
SELECT EXISTS (SELECT FROM cache_entries WHERE track AND track_from <= %(session)s)
