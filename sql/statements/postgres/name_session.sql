-- What the server shows as this session's program.
SELECT set_config('application_name', %(program)s, false)
