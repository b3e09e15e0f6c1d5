SELECT security_id, delisted_on FROM securities WHERE delisted_on <= %(session)s
