from http.server import HTTPServer

import pytest
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_RETRY_EXTRA_CODES,
    temporary_settings,
)

from processes import QuietHandler, free_port, serving
from sightline.tasks import artifacts

pytestmark = pytest.mark.filterwarnings("ignore:Artifact creation outside of a flow")


class Broken(QuietHandler):
    """A server whose database is away."""

    requests = 0

    def do_POST(self):
        type(self).requests += 1
        self.answer(500)

    do_GET = do_POST


def show(api):
    away = {PREFECT_API_URL: api, PREFECT_CLIENT_RETRY_EXTRA_CODES: "500"}
    with temporary_settings(away):
        artifacts.show_table([{"class": "a"}], key="dataset", description="Classes")


@pytest.mark.slow
def test_table_costs_a_few_tries_and_a_warning_if_the_database_is_away(caplog):
    with serving(HTTPServer(("127.0.0.1", 0), Broken)) as address:
        show(f"{address}/api")
    assert "Could not update the artifacts" in caplog.text
    assert Broken.requests == 3


def test_table_costs_a_warning_if_the_server_is_away(caplog):
    show(f"http://127.0.0.1:{free_port()}/api")
    assert "Could not update the artifacts" in caplog.text
