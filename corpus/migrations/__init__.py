"""Migrations of the archive, run by ``corpus.database`` when an archive is opened."""
