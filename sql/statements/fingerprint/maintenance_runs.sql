-- That the closed days after a session were used; how large the tables were is traffic.
SELECT DISTINCT m.market, m.session
FROM maintenance_runs AS m
ORDER BY m.market, m.session
