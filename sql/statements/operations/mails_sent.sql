UPDATE admin_mails SET attempts = attempts + 1, last_error = NULL, sent_at = %(now)s WHERE event_id = %(event_id)s
