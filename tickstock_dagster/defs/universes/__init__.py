"""Assets of universes: synchronisation, themes, memberships, correlations, and what launches them.

Reference data that rules read belongs in `defs.securities`.
"""
