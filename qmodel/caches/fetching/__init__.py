"""Fetches that take time: coalesced, stampeding, refreshed early, slowing the origin."""
