SELECT count(*), min(next_try_at) FROM admin_mails WHERE sent_at IS NULL
