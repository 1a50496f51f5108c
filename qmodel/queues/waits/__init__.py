"""Waits and responses: their distributions, shared by the stations in `qmodel.queues`."""
