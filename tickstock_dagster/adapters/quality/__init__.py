"""Questions to the store about the quality of what it holds, and the alerts that follow.

Deciding what is out of the ordinary belongs in `core.quality`.
"""
