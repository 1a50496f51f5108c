"""Hashing: how unevenly keys fall on servers."""
