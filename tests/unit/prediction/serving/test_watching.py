import asyncio
import errno
from pathlib import Path
from types import SimpleNamespace

import pytest

from sightline.prediction.serving.settings import Settings
from sightline.prediction.serving.watching import Watch
from sightline.storage.workspace import Workspace


def test_watch_outlives_a_file_server_that_is_away(tmp_path, monkeypatch, caplog):
    """The champion could never change again; the log says what is wrong, once."""
    (tmp_path / "models" / "fruit" / "audit").mkdir(parents=True)
    looks = []

    def fail(path):
        looks.append(path)
        raise OSError(errno.ESTALE, "Stale file handle", str(path))

    monkeypatch.setattr(Path, "iterdir", fail)
    served = SimpleNamespace(
        engine=SimpleNamespace(model="fruit-v1"), settings=Settings(poll=0.001)
    )

    async def check():
        watching = asyncio.create_task(
            Watch(served, Workspace(tmp_path), "champion", "fruit").run()
        )
        while len(looks) < 3:
            await asyncio.sleep(0.001)
            assert not watching.done(), watching.exception()
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching

    asyncio.run(check())
    assert caplog.text.count("Stale file handle") == 1
