"""The embedded servers of one checkout, one module per concern; `adapters.services.local` is the public face.

What is stored in them belongs in `adapters.postgres` and the subjects' own rooms.
"""
