"""How many: the number present, in service, and arriving meanwhile, as distributions."""
