"""The rules: each decides whether something must be known, never who is told."""
