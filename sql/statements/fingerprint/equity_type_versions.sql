SELECT v.equity_type, v.version, v.document, v.former_version, v.restores, v.changed_by, v.reason
FROM equity_type_versions AS v
ORDER BY v.equity_type COLLATE "C", v.version
