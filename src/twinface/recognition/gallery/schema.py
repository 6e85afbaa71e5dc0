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
    # Of the service: see `service.keys`, `service.repeated_requests` and `service.jobs`. No names in the clear.
    (
        "CREATE TABLE api_keys (id TEXT PRIMARY KEY, label TEXT NOT NULL, salt {blob} NOT NULL, "
        "digest {blob} NOT NULL, scopes TEXT NOT NULL, created TEXT NOT NULL, revoked TEXT)",
        "CREATE TABLE repeated_requests (owner TEXT NOT NULL, key_digest {blob} NOT NULL, "
        "body_digest {blob} NOT NULL, person BIGINT, accepted TEXT, created DOUBLE PRECISION NOT NULL, "
        "PRIMARY KEY (owner, key_digest))",
        # A job is known to others by its random id, and in the tables by its number.
        "CREATE TABLE jobs (number {identity}, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, settings TEXT NOT NULL, "
        "state TEXT NOT NULL, done BIGINT NOT NULL, total BIGINT NOT NULL, waiting BIGINT NOT NULL, fingerprint TEXT, "
        "result {blob}, error {blob}, created DOUBLE PRECISION NOT NULL, ended DOUBLE PRECISION, worker TEXT, "
        "lease_until DOUBLE PRECISION, tries INTEGER NOT NULL)",
        "CREATE INDEX jobs_by_state ON jobs (state, number)",
        "CREATE TABLE job_photos (job BIGINT NOT NULL REFERENCES jobs(number) ON DELETE CASCADE, "
        "number BIGINT NOT NULL, name {blob} NOT NULL, photo {blob}, result {blob}, vectors {blob}, "
        "PRIMARY KEY (job, number))",
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
