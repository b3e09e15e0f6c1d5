INSERT INTO universe_determinations (
    universe, session, determined_at, rule_version, task, members, evidence, run_id)
VALUES (
    %(universe)s, %(session)s, %(at)s, %(rule_version)s, %(task)s, %(members)s, %(evidence)s::jsonb, %(run_id)s)
