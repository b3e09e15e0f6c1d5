-- Write events in the order given. An event whose id is there already is the same event, and stays as it is.
INSERT INTO outbox (event_id, channel, subject, event, occurred_at)
SELECT event_id, channel, subject, event::jsonb, occurred_at
FROM unnest(
    %(event_ids)s::uuid[], %(channels)s::text[], %(subjects)s::text[], %(events)s::text[], %(times)s::timestamptz[]
) WITH ORDINALITY AS given (event_id, channel, subject, event, occurred_at, place)
ORDER BY place
ON CONFLICT (event_id) DO NOTHING
