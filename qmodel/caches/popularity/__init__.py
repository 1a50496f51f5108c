"""Popularity: which share of the requests asks for each object of a catalogue."""
