-- An open disagreement is not written again.
INSERT INTO calendar_disagreements (calendar, session, witness, ours, theirs, overridden, noticed_at)
SELECT %(calendar)s, found.session, %(witness)s, found.ours, found.theirs, found.overridden, %(now)s
FROM unnest(%(sessions)s::date[], %(ours)s::text[], %(theirs)s::text[], %(overridden)s::boolean[])
    AS found (session, ours, theirs, overridden)
ON CONFLICT (calendar, session, witness) WHERE resolved_at IS NULL DO NOTHING
