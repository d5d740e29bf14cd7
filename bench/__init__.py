"""Measurements: each is a ratio against a floor in the same run. Never run by the tests."""
