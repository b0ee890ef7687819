"""Watches the registry for another champion, and loads it beside the old one."""

import asyncio
import logging
import time

from sightline import registry
from sightline.errors import BusyStorageError, SightlineError
from sightline.prediction.serving.engine import Engine
from sightline.prediction.serving.loading import load
from sightline.prediction.serving.service import Service
from sightline.storage.workspace import Workspace

_RETRY_SECONDS = 60.0  # After a refused version: somebody may restore its files
_log = logging.getLogger("sightline.serving")


class Watch:
    """Replaces the engine of a service whenever an alias names another version."""

    def __init__(self, service: Service, workspace: Workspace, alias: str, dataset: str) -> None:
        """Watch an alias of a data set; nothing happens before `run`."""
        self._service, self._workspace = service, workspace
        self._alias, self._dataset = alias, dataset
        self._refused: dict[str, float] = {}  # Versions, and when to try them again
        self._trouble = ""  # Why the registry cannot be read

    async def run(self) -> None:
        """Look every few seconds, until cancelled. Reading and loading happens in a thread."""
        while True:
            await asyncio.sleep(self._service.settings.poll)
            engine = await asyncio.to_thread(self._newer)
            if engine is not None:
                before = self._service.engine.model
                self._service.replace(engine)
                _log.warning("%s answers from now on, in place of %s.", engine.model, before)

    def _newer(self) -> Engine | None:
        """Load and warm the version of the alias, unless it is served or was refused."""
        try:
            name = registry.find(self._workspace, self._alias, self._dataset)
            self._trouble = ""
        except (SightlineError, OSError) as error:  # such as a full disk, or a file server away
            if str(error) != self._trouble:
                self._trouble = str(error)
                _log.warning("%s goes on: %s", self._service.engine.model, error)
            return None
        if name == self._service.engine.model or self._refused.get(name, 0) > time.monotonic():
            return None
        try:
            engine = load(self._workspace, name)
            engine.warm_up(self._service.settings.max_batch)
        except BusyStorageError as error:
            _log.warning("%s is not loaded yet: %s", name, error)
            return None
        except Exception as error:  # the old model goes on, whatever is wrong with the new one
            self._refused[name] = time.monotonic() + _RETRY_SECONDS
            self._service.metrics.swaps.labels("refused").inc()
            _log.error("%s is refused, %s goes on: %s", name, self._service.engine.model, error)
            return None
        return engine
