"""Jobs and sensors for the factory itself: maintenance, notices, mails.

What loads market data belongs in the folder of that subject.
"""
