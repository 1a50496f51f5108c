"""Approximations of queues without a closed form, and their measured errors."""
