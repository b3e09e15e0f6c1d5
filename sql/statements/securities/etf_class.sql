-- The class of ETFs by their names alone.
UPDATE securities AS s SET
    etf_type = c.etf_type, themes = c.themes::text[], correlation_reference = c.correlation_reference,
    updated_at = %(now)s
FROM unnest(%(security_ids)s::bigint[], %(etf_types)s::text[], %(themes)s::text[], %(references)s::text[])
    AS c (security_id, etf_type, themes, correlation_reference)
WHERE c.security_id = s.security_id
    AND (s.etf_type, s.themes, s.correlation_reference) IS DISTINCT FROM (
        c.etf_type, c.themes::text[], c.correlation_reference)
