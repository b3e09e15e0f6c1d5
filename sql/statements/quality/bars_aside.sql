-- Bars that are judged wrong go to quarantine, where they are held; not those that have replaced them since.
SELECT security_id, session
FROM set_bars_aside(
    %(security_ids)s::bigint[], %(sessions)s::date[], %(reasons)s::text[], %(bars)s::jsonb[], %(run_id)s,
    %(now)s, %(retry_at)s::timestamptz[])
