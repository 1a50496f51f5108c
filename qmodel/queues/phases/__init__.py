"""Service of phase type: several servers solved exactly, as a Markov chain."""
