-- The vendor's type code of every security.
SELECT security_id, equity_type FROM securities ORDER BY security_id
