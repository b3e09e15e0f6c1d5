INSERT INTO sync_changes_log (
    session, universe, security_id, ticker, task, change, reason, before, after, rule_version, event_id, run_id,
    changed_at)
SELECT session, %(universe)s, security_id, ticker, %(task)s, change, reason, before::jsonb, after::jsonb,
    %(rule_version)s, %(event_id)s, %(run_id)s, %(at)s
FROM unnest(
    %(sessions)s::date[], %(security_ids)s::bigint[], %(tickers)s::text[], %(changes)s::text[], %(reasons)s::text[],
    %(befores)s::text[], %(afters)s::text[]
) WITH ORDINALITY AS given (session, security_id, ticker, change, reason, before, after, place)
ORDER BY place
