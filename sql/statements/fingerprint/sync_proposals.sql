-- What is proposed names members by their surrogate ids; what came of it is in the memberships.
SELECT p.session, p.task, p.examined, p.skipped
FROM sync_proposals AS p
ORDER BY p.session, p.task COLLATE "C"
