"""Caches behind caches: browser, edge, origin, application."""
