-- Each ticker once, in the order of its first universe (by key) and of its place in it.
SELECT ticker
FROM (
    SELECT DISTINCT ON (member.ticker) member.ticker, c.key, member.position
    FROM cache_entries AS c
    CROSS JOIN LATERAL jsonb_array_elements_text(c.value) WITH ORDINALITY AS member (ticker, position)
    WHERE c.track
    ORDER BY member.ticker, c.key, member.position) AS firsts
ORDER BY key, position
