UPDATE universe_memberships SET known_to = %(at)s WHERE membership_id = ANY (%(rows)s::bigint[])
