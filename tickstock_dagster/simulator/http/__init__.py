"""How the simulator is spoken to: keys and plans, calls, pages, replies, the shapes on the wire.

What it answers belongs in `simulator.endpoints`.
"""
