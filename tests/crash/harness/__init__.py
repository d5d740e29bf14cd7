"""The crash test: the whole product under load, killed again and again; then the books are compared.

`python -m tests.crash.harness --seconds 120 --seed 1`. What it does and how to read its line is in
docs/reference/crash-test.md. The product runs unchanged, as processes of its own; faults come in
through `seams` (an app that only the harness's settings install), a proxy in front of PostgreSQL,
the provider simulator, and signals.
"""
