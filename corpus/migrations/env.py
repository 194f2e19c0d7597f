"""Alembic's entry: runs the migrations on the connection that ``corpus.database`` hands over."""

from __future__ import annotations

from alembic import context

from corpus.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    # On SQLite, too: the engine opens its transactions itself, so a killed migration leaves nothing.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
