-- How many securities the store knows.
SELECT count(*) FROM securities
