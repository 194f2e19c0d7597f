"""Alembic's entry: runs the migrations on the connection and in the transaction of ``corpus.database``."""

from __future__ import annotations

from alembic import context

from indexer.desk import SCHEMA, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=SCHEMA.version_table,
)
with context.begin_transaction():
    context.run_migrations()
