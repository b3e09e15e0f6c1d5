-- Of some sessions, those that wait for a lock now: what they wait for, and the sessions in front of them. What the login
-- may not see of another's session is NULL.
SELECT waiting.pid,
    CASE l.locktype
        WHEN 'advisory' THEN coalesce((
            SELECT 'the turn ' || quote_literal(turn)
            FROM unnest(%(names)s::text[], %(keys)s::bigint[]) AS known(turn, key)
            WHERE l.objsubid = 1 AND coalesce(known.key, hashtext(turn)) = ((l.classid::bigint << 32) | l.objid::bigint)), 'an advisory lock')
        WHEN 'relation' THEN coalesce('the table ' || l.relation::regclass, 'a table')
        ELSE coalesce('a row of ' || (
            SELECT string_agg(DISTINCT r.relation::regclass::text, ' or ')
            FROM pg_locks AS r
            JOIN pg_class AS c ON c.oid = r.relation AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
            WHERE r.pid = waiting.pid AND r.locktype = 'tuple'), 'a row') END,
    holder.pid, holder.usename, nullif(holder.application_name, ''), coalesce(holder.xact_start, holder.query_start),
    CASE WHEN holder.state <> 'active' THEN holder.state END,
    nullif(holder.query, '<insufficient privilege>')
FROM pg_stat_activity AS waiting
JOIN pg_locks AS l ON l.pid = waiting.pid AND NOT l.granted
CROSS JOIN LATERAL unnest(pg_blocking_pids(waiting.pid)) WITH ORDINALITY AS blocking(pid, place)
JOIN pg_stat_activity AS holder ON holder.pid = blocking.pid
WHERE waiting.pid = ANY(%(pids)s) AND waiting.wait_event_type = 'Lock'
ORDER BY waiting.pid, blocking.place
