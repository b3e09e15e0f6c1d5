-- Close disagreements that the witness no longer has, or has changed, on the days that it was asked about.
UPDATE calendar_disagreements AS d SET resolved_at = %(now)s
WHERE d.calendar = %(calendar)s AND d.witness = %(witness)s AND d.session BETWEEN %(first)s AND %(last)s
    AND d.resolved_at IS NULL
    AND NOT EXISTS (
        SELECT FROM unnest(
            %(sessions)s::date[], %(ours)s::text[], %(theirs)s::text[], %(overridden)s::boolean[]
        ) AS found (session, ours, theirs, overridden)
        WHERE (found.session, found.ours, found.theirs, found.overridden)
            = (d.session, d.ours, d.theirs, d.overridden))
