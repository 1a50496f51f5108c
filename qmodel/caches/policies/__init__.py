"""Policies: what a cache keeps and what it evicts, one file a policy."""
