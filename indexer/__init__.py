"""Fills the archive from sites and files, and brings the index in step with it."""
