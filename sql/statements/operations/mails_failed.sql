-- A server that is away refuses the others as well: all that wait are tried again when this one is.
UPDATE admin_mails SET
    attempts = attempts + (event_id = %(event_id)s)::integer,
    last_error = CASE WHEN event_id = %(event_id)s THEN %(error)s ELSE last_error END,
    next_try_at = greatest(next_try_at, %(next_try_at)s)
WHERE sent_at IS NULL
