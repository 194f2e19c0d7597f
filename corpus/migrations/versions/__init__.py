"""One file a migration, in order; ``corpus.schema.HEAD`` names the last."""
