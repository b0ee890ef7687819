import os
from pathlib import Path

import pytest
from PIL import Image

from excerpts import excerpt
from sightline.errors import StorageError
from sightline.reporting import accuracy_history
from sightline.runs import history
from sightline.storage.workspace import Workspace


def test_histories_are_drawn_completely_or_not_at_all(tmp_path: Path) -> None:
    histories = {"mnist": history.entries(Workspace(tmp_path), [excerpt("a"), excerpt("b")])}
    path = tmp_path / "new" / "history.png"
    accuracy_history.draw(path, histories)
    with Image.open(path) as image:
        image.verify()
    assert [file.name for file in path.parent.iterdir()] == ["history.png"]
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    for place in ("file/history.png", "pipe", "new"):
        with pytest.raises(StorageError, match=place):
            accuracy_history.draw(tmp_path / place, histories)
