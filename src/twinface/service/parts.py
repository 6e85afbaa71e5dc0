"""What all calls share: the gallery, queues of work, keys, metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from fastapi import Request

from twinface.core.threads import available_cores
from twinface.models.card import ModelCard
from twinface.models.catalog import card_of
from twinface.models.embedder import LoadedModel
from twinface.recognition.gallery.contents import MODEL
from twinface.recognition.gallery.engine import Engine
from twinface.recognition.gallery.gallery import Gallery
from twinface.recognition.gallery.sql_store import sql_tables
from twinface.service.access import Access
from twinface.service.batching import BatchingModel
from twinface.service.jobs.worker import Worker
from twinface.service.keys import KeyChecker, KeyTable
from twinface.service.observed import Metrics
from twinface.service.repeated_requests import RepeatedRequests
from twinface.service.settings import ServiceSettings
from twinface.service.work import WorkQueue

if TYPE_CHECKING:
    from prometheus_client import Histogram

_TABLE_THREADS = 4
_PHOTO_THREADS = 2  # for each core: while one waits for its batch, another one decodes


class ServedGallery(Gallery):
    """A gallery whose model embeds the faces of concurrent calls together.

    Args:
        settings: of the service.
        batches: counts the faces of each batch.
    """

    def __init__(self, settings: ServiceSettings, batches: Histogram) -> None:
        super().__init__(settings.gallery, settings.model, key=settings.key_file)
        self._most_faces, self._batches = settings.limits.faces, batches
        self._batching: BatchingModel | None = None

    def _load(self) -> Engine:
        self._end_batches()  # of the model before
        engine = super()._load()
        engine.verifier.reader.most = self._most_faces
        return engine

    def _served(self, model: LoadedModel) -> LoadedModel:
        self._batching = BatchingModel(model, observe=self._batches.observe)
        return self._batching

    def _end_batches(self) -> None:
        if self._batching is not None:
            self._batching.close()

    def close(self) -> None:
        """See `Gallery`."""
        self._end_batches()
        super().close()


class Parts:
    """What all calls share.

    Args:
        settings: of the service.

    Attributes:
        settings: as given.
        gallery: that is served.
        sql: its tables.
        keys: the table of keys.
        access: who may call what.
        repeated: idempotency keys.
        worker: works on jobs once it is started.
        metrics: counts.
        photos: threads for work on photos.
        tables: threads for work on tables alone.
        is_ready: whether requests can be answered.

    Raises:
        TwinfaceError: the gallery cannot be opened.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings, self.metrics, self.is_ready = settings, Metrics(), False
        self.gallery = ServedGallery(settings, self.metrics.faces)
        self.sql = sql_tables(self.gallery.store)
        self.keys = KeyTable(self.sql)
        limits = settings.limits
        self.photos = WorkQueue(
            "twinface-photos", _PHOTO_THREADS * available_cores(), limits.waiting, limits.seconds
        )
        self.tables = WorkQueue("twinface-tables", _TABLE_THREADS, 4 * limits.waiting, limits.seconds)
        self.access = Access(KeyChecker(self.keys), settings.is_local, limits.rate, self.tables)
        self.repeated = RepeatedRequests(self.sql)
        self.worker = Worker(self.gallery)

    def load(self) -> None:
        """Loads the model and everything that the first request would have to wait for."""
        self.gallery.engine.search.people()
        self.is_ready = True

    def card(self) -> ModelCard | None:
        """The card of the gallery's model."""
        place = self.gallery.engine.contents.info.get(MODEL)
        return None if place is None else card_of(place)

    def close(self) -> None:
        """Lets work finish, and lets go of the gallery."""
        self.is_ready = False
        self.worker.stop()
        self.photos.close()
        self.tables.close()
        self.gallery.close()


async def parts_of(request: Request) -> Parts:
    """The parts of the service that answers a request; a dependency of the calls.

    It waits for nothing. FastAPI would run a plain function in a thread.
    """
    return cast("Parts", request.app.state.parts)
