"""PostgreSQL for every subject: engines, frames and stages, SQL files, migrations, fingerprint, data dictionary.

What a table means belongs in the subject that owns it.
"""
