-- Every security.
SELECT security_id FROM securities
