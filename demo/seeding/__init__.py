"""Sample data in bulk: whole requests with their histories, written with COPY. See `running.py`.

The one writer beside the commands. It makes no rule of its own: routing, steps, outcomes, hashes and
chains are the product's functions on rows that are not saved yet, and the application's login
writes them past no trigger, so the database refuses an impossible history from here as well.
"""
