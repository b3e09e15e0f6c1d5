SELECT task, proposals, examined, seconds, skipped, staged_at FROM sync_proposals WHERE session = %(session)s
