"""The command `tickstock universe`.

Loading a universe's bars belongs in `cli.loading`.
"""
