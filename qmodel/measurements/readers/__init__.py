"""Readers: one file a format, each from blocks of lines to a tidy frame."""
