import pytest
from sqlalchemy import make_url

from cli import refused
from processes import free_port
from sightline.errors import ServerError
from sightline.flows.server import postgres


def test_url_of_a_database_that_answers_is_what_prefect_takes(database):
    plain = make_url(database.url).set(drivername="postgresql").render_as_string()
    for url in (plain, database.url):
        assert postgres.checked(url) == database.url


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("nonsense", "no URL"),
        ("", "no URL"),
        ("mysql://root@127.0.0.1/prefect", "mysql://root@127.0.0.1/prefect"),
        ("postgresql:///prefect", "postgresql://prefect@127.0.0.1/prefect"),
        ("postgresql://me:s3cret@127.0.0.1/prefect", "PGPASSWORD"),
        ("postgresql://me@127.0.0.1/prefect?password=s3cret", "PGPASSWORD"),
        ("mysql://me@127.0.0.1/prefect?password=s3cret", "PGPASSWORD"),
        ("postgresql://127.0.0.1:port/prefect", "no URL"),
        ("postgresql://127.0.0.1:99999/prefect", "port must be 0-65535"),
        ("postgresql://127.0.0.1/prefect?sslmode=require", "'sslmode'"),
    ],
)
def test_url_that_cannot_be_used_is_refused_without_its_password(url, what):
    message = refused("ops server --database", url)
    assert what in message
    assert "s3cret" not in message


def test_database_that_does_not_answer_is_named():
    url = f"postgresql://prefect@127.0.0.1:{free_port()}/prefect"
    assert f"{url} does not answer" in refused("ops server --database", url)


def test_unknown_database_is_named_with_the_cause(database):
    with pytest.raises(ServerError, match=r"/other refuses: .*does not exist.*PGPASSWORD"):
        postgres.checked(database.url.replace("/prefect", "/other"))
