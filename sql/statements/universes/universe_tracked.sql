SELECT track, track_from FROM cache_entries WHERE key = %(universe)s FOR UPDATE
