"""Load balancing: how requests reach the servers behind a balancer, and what it costs."""
