-- Securities for all of whose tickers the vendor was asked since a day.
SELECT security_id FROM securities WHERE tickers_asked_on > %(since)s
