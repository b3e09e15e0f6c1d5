SELECT max(session) FROM maintenance_runs WHERE market = %(market)s AND kind = %(kind)s
