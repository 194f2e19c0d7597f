"""One file a migration, in order; ``indexer.desk.HEAD`` names the last."""
