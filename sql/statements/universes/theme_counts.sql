-- Places in all themes, and the funds that stand in them: some stand in several.
SELECT count(*), count(DISTINCT m.ticker)
FROM cache_entries AS c
CROSS JOIN LATERAL jsonb_array_elements_text(c.value) AS m (ticker)
WHERE c.type = 'theme'
