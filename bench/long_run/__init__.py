"""The long run: mixed load with faults, hour after hour, and nothing may grow but the data.

`python -m bench.long_run --seconds 3600`. The product, the faults' tools and the comparison at the
end are the crash test's (`tests/crash/harness`); its settings are the product's own. How to read
what it prints: docs/reference/speed.md.
"""
