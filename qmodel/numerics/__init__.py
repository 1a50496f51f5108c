"""Numbers: special functions, transforms and roots on whole arrays; knows nothing of queues."""
