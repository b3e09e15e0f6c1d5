-- New evidence of whose some tickers were: cells whose identity was unproven are owed as if they had never been requested.
DELETE FROM bar_gaps WHERE security_id = ANY (%(security_ids)s::bigint[]) AND reason = 'identity_unproven'
