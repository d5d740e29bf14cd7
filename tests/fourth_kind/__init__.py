"""A kind from another package: installed, and run through its whole life."""
