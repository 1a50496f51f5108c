"""Caches: from what is known of the requests to the hit ratio."""
