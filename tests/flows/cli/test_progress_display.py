from io import StringIO

import pytest
from rich.console import Console

from sightline.flows.cli import progress_display
from sightline.pipeline.progress import Progress, emit


@pytest.fixture
def shown(monkeypatch):
    """Show a stage without steps, in a terminal or not, and return what was written."""

    def show(*, terminal):
        file = StringIO()
        console = Console(file=file, force_terminal=terminal, width=100)
        monkeypatch.setattr(progress_display, "err", console)
        with progress_display.progress_display():
            emit(Progress(stage="report", done=0, unit=""))
            emit(Progress(stage="report", done=1, total=1, unit=""))
        return file.getvalue()

    return show


def test_stage_without_steps_is_shown_in_a_terminal_only(shown):
    assert "Report" in shown(terminal=True)
    assert shown(terminal=False) == ""
