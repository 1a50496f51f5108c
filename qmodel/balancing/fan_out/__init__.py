"""Fan-out: a request that asks several stations at once, for all answers or the first."""
