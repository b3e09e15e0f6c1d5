-- That maintenance ran after a session; the sizes of tables are traffic.
SELECT DISTINCT m.market, m.session
FROM maintenance_runs AS m
ORDER BY m.market, m.session
