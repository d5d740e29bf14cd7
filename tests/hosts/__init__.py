"""Past one machine: web, workers, primary and standby on hosts of their own, in network namespaces.

`python -m tests.hosts.run --seconds 120 --seed 1` (root). The load, the provider and the comparison
of the books are those of the crash test; here links are cut, hosts die, and the standby is promoted.
How to read its line is in docs/how-to/several-hosts.md.
"""
