-- Those of some universes whose members were determined for any session, or whose seeds have joined.
SELECT DISTINCT universe FROM universe_determinations WHERE universe = ANY (%(universes)s::text[])
