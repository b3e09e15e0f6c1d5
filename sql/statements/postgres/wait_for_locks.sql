-- How long this session waits for locks from now on.
SELECT set_config('lock_timeout', (%(seconds)s * 1000)::text, false)
