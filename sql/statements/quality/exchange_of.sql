-- The primary exchange of a security.
SELECT primary_exchange FROM securities WHERE security_id = %(security_id)s
