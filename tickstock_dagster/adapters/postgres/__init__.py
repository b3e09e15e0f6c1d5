"""PostgreSQL for every subject: engines, Arrow, frames and stages, SQL files, migrations, fingerprint, data dictionary.

What a table means belongs in the subject that owns it.
"""
