-- Let given-up events be tried again, as if for the first time. No ids: all of them.
UPDATE dead_letters
SET dead_at = NULL, attempts = 0
WHERE dead_at IS NOT NULL AND resolved_at IS NULL
    AND (%(event_ids)s::uuid[] IS NULL OR event_id = ANY(%(event_ids)s::uuid[]))
RETURNING event_id::text
