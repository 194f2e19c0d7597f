"""Migrations of the desk, run by ``corpus.database`` when a desk is opened."""
