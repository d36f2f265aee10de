"""
Typical mistakes, and what the library says to each of them.

`python tests/mistakes` prints them. A new one is a line in one of the modules here.
"""
