"""Queries about the quality of stored data, and the alerts that follow.

Deciding what is out of the ordinary belongs in `core.quality`.
"""
