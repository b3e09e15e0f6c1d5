"""The market that the simulator serves: securities, sessions, bars of every day and minute, files and corrections.

Making up a market belongs in `simulator.synthetic`.
"""
