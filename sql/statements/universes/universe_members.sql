SELECT member.ticker
FROM cache_entries AS c
CROSS JOIN LATERAL jsonb_array_elements_text(c.value) WITH ORDINALITY AS member (ticker, position)
WHERE c.key = %(key)s
ORDER BY member.position
