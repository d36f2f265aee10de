"""Answers, how h11 and the wire read them, and how that may differ."""
