"""The first schema: sources, articles with revisions and aliases, pages, change log, cursors, runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _create_sources()
    _create_articles()
    _create_pages()
    _create_changes()
    _create_runs()


def downgrade() -> None:
    """Drop everything: there is nothing below the first schema."""
    for table in ("runs", "cursors", "changes", "pages", "aliases", "revisions", "articles", "sources"):
        op.drop_table(table)


def _ordered() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _long() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _create_sources() -> None:
    op.create_table(
        "sources",
        sa.Column("id", _ordered(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("allow_private", sa.Boolean(), nullable=False),
        sa.Column("delay", sa.Float(), nullable=False),
        sa.Column("added", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_sources"),
    )
    op.create_table(
        "cursors",
        sa.Column("source", _ordered(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_cursors"),
        sa.ForeignKeyConstraint(
            ["source"], ["sources.id"], name="fk_cursors_source_sources", ondelete="CASCADE"
        ),
    )


def _create_articles() -> None:
    op.create_table(
        "articles",
        sa.Column("id", _ordered(), nullable=False),
        sa.Column("source", _ordered(), nullable=False),
        sa.Column("key", _ordered()),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_articles"),
        sa.UniqueConstraint("source", "key", name="uq_articles_source_key"),
    )
    op.create_table(
        "revisions",
        sa.Column("article_id", _ordered(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("recorded", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("article_id", "number", name="pk_revisions"),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name="fk_revisions_article_id_articles", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "aliases",
        sa.Column("source", _ordered(), nullable=False),
        sa.Column("address", _ordered(), nullable=False),
        sa.Column("article_id", _ordered(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("source", "address", name="pk_aliases"),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name="fk_aliases_article_id_articles", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_aliases_article_id", "aliases", ["article_id"])
    op.create_index("ix_aliases_address", "aliases", ["address"])


def _create_pages() -> None:
    op.create_table(
        "pages",
        sa.Column("source", _ordered(), nullable=False),
        sa.Column("key", _ordered(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("fetched", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source", "key", name="pk_pages"),
        sa.ForeignKeyConstraint(
            ["source"], ["sources.id"], name="fk_pages_source_sources", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_pages_source_address", "pages", ["source", "address"])


def _create_changes() -> None:
    op.create_table(
        "changes",
        sa.Column("sequence", _long(), autoincrement=True, nullable=False),
        sa.Column("article_id", _ordered(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_changes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_changes_article_id", "changes", ["article_id"])


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", _long(), autoincrement=True, nullable=False),
        sa.Column("source", _ordered(), nullable=False),
        sa.Column("started", sa.Text(), nullable=False),
        sa.Column("finished", sa.Text()),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.ForeignKeyConstraint(
            ["source"], ["sources.id"], name="fk_runs_source_sources", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_runs_source_id", "runs", ["source", "id"])
