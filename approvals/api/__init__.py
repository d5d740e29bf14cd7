"""The API of contract §5: the same commands and reads as the pages, over JSON.

One request goes through `callers` (who, with which scopes, how much), `reading` (a strict body),
one of `requests`, `verbs`, `feed`, `keys` or `policies`, and leaves as a shape of `shapes` or as a
problem of `problems`.
"""
