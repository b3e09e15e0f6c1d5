-- The rows of a span that waited for a security; those that still do are noted again.
DELETE FROM unresolved_actions
WHERE source = %(source)s AND ex_date BETWEEN %(first)s AND %(last)s
