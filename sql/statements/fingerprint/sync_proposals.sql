-- Without the proposals, which name members by surrogate ids; the memberships show their outcome.
SELECT p.session, p.task, p.examined, p.skipped
FROM sync_proposals AS p
ORDER BY p.session, p.task COLLATE "C"
