-- Versions of a type, the newest first; of all types where none is named.
SELECT equity_type, version, document, former_version, restores, changed_by, reason, run_id, changed_at
FROM equity_type_versions
WHERE equity_type = coalesce(%(equity_type)s, equity_type)
ORDER BY equity_type COLLATE "C", version DESC
