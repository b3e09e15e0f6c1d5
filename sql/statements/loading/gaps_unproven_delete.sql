-- New evidence of whose some tickers were: cells whose identity was unproven are owed as if nobody had asked.
DELETE FROM bar_gaps WHERE security_id = ANY (%(security_ids)s::bigint[]) AND reason = 'identity_unproven'
