-- A sign of life, seen by all in pg_locks while this session lasts. Shared, so that no session ever waits for it.
SELECT pg_advisory_lock_shared(%(room)s, hashtext(%(name)s))
WHERE NOT EXISTS (
    SELECT FROM pg_locks AS l
    WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.pid = pg_backend_pid() AND l.classid::bigint = %(room)s
        AND l.objid::bigint = (hashtext(%(name)s)::bigint & 4294967295))
