"""The tables of a gallery, by version: each migration leads from the version before to its own."""

from __future__ import annotations

from dataclasses import dataclass

from twinface.core.errors import StorageError


@dataclass(frozen=True)
class Dialect:
    """How a database writes the types that differ.

    Attributes:
        identity: the type of a row number that is never used again.
        blob: the type of bytes.
    """

    identity: str
    blob: str


_PERSON = "person BIGINT NOT NULL REFERENCES people(id) ON DELETE CASCADE"
_FACE = (
    "vector {blob} NOT NULL, quality INTEGER NOT NULL, photo {blob} NOT NULL, number INTEGER NOT NULL, "
    "created TEXT NOT NULL, crop {blob}"
)

# The newest version is the last. A statement runs once, in one transaction with the others of its version.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE people (id {identity}, name {blob} NOT NULL, name_key {blob} NOT NULL UNIQUE, "
        "audit_id TEXT NOT NULL, created TEXT NOT NULL, template {blob}, generation BIGINT NOT NULL)",
        "CREATE INDEX people_by_generation ON people (generation)",
        "CREATE TABLE removed (person BIGINT NOT NULL, generation BIGINT NOT NULL)",
        "CREATE INDEX removed_by_generation ON removed (generation)",
        # A person has one face of each photo at most: two faces of one photo are two people.
        f"CREATE TABLE faces (id {{identity}}, {_PERSON}, {_FACE}, UNIQUE (person, photo))",
        f"CREATE TABLE corrections (id {{identity}}, {_PERSON}, {_FACE}, kind TEXT NOT NULL)",
        "CREATE INDEX corrections_by_person ON corrections (person)",
        "CREATE INDEX corrections_by_photo ON corrections (photo)",
        "CREATE TABLE audit (id {identity}, at TEXT NOT NULL, what TEXT NOT NULL, who TEXT NOT NULL, "
        "detail TEXT NOT NULL)",
    ),
    # Embeddings by another model, until all are there.
    (
        "CREATE TABLE next_vectors (origin TEXT NOT NULL, row_id BIGINT NOT NULL, vector {blob} NOT NULL, "
        "PRIMARY KEY (origin, row_id))",
    ),
)
INFO = "CREATE TABLE IF NOT EXISTS info (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
VERSION = len(MIGRATIONS)


def steps_from(version: int, dialect: Dialect, place: str) -> list[str]:
    """The statements that bring tables of a version to the newest one.

    Args:
        version: 0 for no tables at all.
        dialect: of the database.
        place: for the error.

    Raises:
        StorageError: the version is newer than this program.
    """
    if version > VERSION:
        raise StorageError(
            f"{place}: made by a newer Twinface (tables of version {version}); this version reads up to {VERSION}: "
            "pip install --upgrade twinface"
        )
    return [
        statement.format(identity=dialect.identity, blob=dialect.blob)
        for migration in MIGRATIONS[version:]
        for statement in migration
    ]
