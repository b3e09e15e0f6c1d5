-- Cells outside a security's listing are not expected and are no gaps.
DELETE FROM bar_gaps AS g
WHERE g.security_id = ANY (%(security_ids)s::bigint[])
    AND NOT EXISTS (
        SELECT FROM ticker_intervals AS i
        WHERE i.security_id = g.security_id AND g.session >= i.valid_from
            AND g.session < coalesce(i.valid_to, 'infinity'))
