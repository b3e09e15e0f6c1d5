CREATE OR REPLACE VIEW static_members AS
SELECT c.key AS universe, member.ticker, member.position, held.security_id
FROM cache_entries AS c
CROSS JOIN LATERAL jsonb_array_elements_text(c.value) WITH ORDINALITY AS member (ticker, position)
LEFT JOIN LATERAL newest_holder(member.ticker) AS held ON true
WHERE c.membership = 'static';

GRANT SELECT ON static_members TO tickstock_writer, tickstock_app;
COMMENT ON VIEW static_members IS 'Members of the lists, which are the same on every session; each ticker stands for the security that holds it, or held it last.';
COMMENT ON COLUMN static_members.universe IS 'Canonical name.';
COMMENT ON COLUMN static_members.ticker IS 'Ticker as the list names it.';
COMMENT ON COLUMN static_members.position IS 'Its place in the list, from 1.';
COMMENT ON COLUMN static_members.security_id IS 'The security; null where none ever held the ticker.';
