"""Jobs and sensors for the factory itself: maintenance, notices, mails.

What loads market data belongs in that data's own room.
"""
