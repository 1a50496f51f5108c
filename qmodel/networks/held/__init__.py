"""Pools whose permits are held while a request is at other stations."""
