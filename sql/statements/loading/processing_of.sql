-- How urgent some securities are ($1, separated by commas).
SELECT security_id, update_frequency = 'realtime' AS realtime, priority_level::bigint AS level
FROM securities_processing
WHERE security_id = ANY (string_to_array($1::text, ',')::bigint[])
