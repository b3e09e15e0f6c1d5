-- How the types of some securities ($1, separated by commas) are processed.
SELECT security_id, update_frequency = 'realtime' AS realtime, priority_level::bigint AS level
FROM securities_processing
WHERE security_id = ANY (string_to_array($1::text, ',')::bigint[])
