"""The market that the simulator serves: securities, sessions, bars of every day and minute, files and corrections.

Generating a market belongs in `simulator.synthetic`.
"""
