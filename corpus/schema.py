"""Tables of the archive. A change here needs a migration in ``migrations/versions`` and a new ``HEAD``."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

HEAD = "0001"
"""The newest migration: a database that says so is opened without loading Alembic."""

VERSION_TABLE = "archive_version"
"""Not Alembic's own default name, so that the desk may live in the same PostgreSQL database."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Byte order everywhere, as SQLite has it by itself: pages of a listing and the lines of an export
# come in the same order from every database.
ordered_text = Text().with_variant(Text(collation="C"), "postgresql")
long_integer = BigInteger().with_variant(Integer(), "sqlite")  # SQLite counts up INTEGER keys only

# Moments are ISO 8601 strings: they keep their offset, which no portable column type does.
moment = Text

sources = Table(
    "sources",
    metadata,
    Column("id", ordered_text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("allow_private", Boolean, nullable=False),
    Column("delay", Float, nullable=False),
    Column("added", moment),
)

articles = Table(
    "articles",
    metadata,
    Column("id", ordered_text, primary_key=True),
    # No foreign key: an article that went with its source keeps its revisions and its id.
    Column("source", ordered_text, nullable=False),
    Column("key", ordered_text),
    Column("stamp", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("removed", Boolean, nullable=False),
    UniqueConstraint("source", "key"),
)

revisions = Table(
    "revisions",
    metadata,
    Column("article_id", ordered_text, ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("recorded", moment, nullable=False),
    Column("content", Text, nullable=False),  # canonical JSON of codec.article_to_dict without "id"
)

# Every address an article has or had, as address.normal_address spells it; "current" marks its own.
aliases = Table(
    "aliases",
    metadata,
    Column("source", ordered_text, primary_key=True),
    Column("address", ordered_text, primary_key=True),
    Column("article_id", ordered_text, ForeignKey("articles.id", ondelete="CASCADE"), nullable=False),
    Column("current", Boolean, nullable=False),
    Index(None, "article_id"),
    Index(None, "address"),
)

pages = Table(
    "pages",
    metadata,
    Column("source", ordered_text, ForeignKey("sources.id", ondelete="CASCADE"), primary_key=True),
    Column("key", ordered_text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("fetched", moment, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # zlib
    Index(None, "source", "address"),
)

# Numbers are never used twice, even when the last line is deleted (AUTOINCREMENT): an index remembers
# the number it has seen.
changes = Table(
    "changes",
    metadata,
    Column("sequence", long_integer, primary_key=True, autoincrement=True),
    Column("article_id", ordered_text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("at", moment, nullable=False),
    Column("reason", Text, nullable=False),
    Index(None, "article_id"),
    sqlite_autoincrement=True,
)

cursors = Table(
    "cursors",
    metadata,
    Column("source", ordered_text, ForeignKey("sources.id", ondelete="CASCADE"), primary_key=True),
    Column("content", Text, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", long_integer, primary_key=True, autoincrement=True),
    Column("source", ordered_text, ForeignKey("sources.id", ondelete="CASCADE"), nullable=False),
    Column("started", moment, nullable=False),
    Column("finished", moment),
    Column("counts", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Index(None, "source", "id"),
    sqlite_autoincrement=True,
)
