SELECT security_id, valid_from, valid_to, membership_id
FROM universe_memberships
WHERE universe = %(universe)s AND known_to IS NULL
