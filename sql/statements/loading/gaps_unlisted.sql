-- Cells outside a security's proven listing are not expected and are no gaps.
DELETE FROM bar_gaps AS g
WHERE g.security_id = ANY (%(security_ids)s::bigint[])
    AND NOT EXISTS (
        SELECT FROM ticker_intervals AS i
        WHERE i.security_id = g.security_id AND covers(i.expected_from, i.expected_to, g.session))
