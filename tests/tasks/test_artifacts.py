from http.server import HTTPServer

import pytest
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    temporary_settings,
)

from processes import QuietHandler, free_port, serving
from sightline.tasks import artifacts


class Broken(QuietHandler):
    """A server whose database is away."""

    def do_POST(self):
        self.answer(500)

    do_GET = do_POST


@pytest.fixture(params=["no database", "no server"])
def api(request):
    if request.param == "no server":
        yield f"http://127.0.0.1:{free_port()}/api"
        return
    with serving(HTTPServer(("127.0.0.1", 0), Broken)) as address:
        yield f"{address}/api"


def test_table_that_cannot_be_shown_costs_a_warning_only(api, caplog):
    with temporary_settings({PREFECT_API_URL: api, PREFECT_CLIENT_MAX_RETRIES: 0}):
        artifacts.show_table([{"class": "a"}], key="dataset", description="Classes")
    assert "Could not update the artifacts" in caplog.text
