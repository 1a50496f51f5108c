"""Reliability: parts that fail, and what the others then sustain."""
