"""The simulator's HTTP side: keys and plans, calls, pages, replies.

The contents of answers belong in `simulator.endpoints`.
"""
