-- What the ledger says about the market: which sessions were complete, and whose universes were synchronised. What was
-- asked for, how often, and what became of it is traffic: a vendor that failed on the way leaves the same store.
SELECT DISTINCT u.dataset, u.kind, u.market, u.first_session
FROM work_units AS u
WHERE u.kind IN ('session', 'sync') AND u.status = 'done'
ORDER BY u.dataset, u.kind, u.market, u.first_session
