"""Generations of the index: built, published, opened, read by one view."""
