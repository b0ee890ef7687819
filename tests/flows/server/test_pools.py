import json
import os
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import DeploymentFilter

from cli import refused
from command import BIN, ROOT, execute
from sightline.errors import ConfigError
from sightline.flows.deployments import train
from sightline.flows.server import pools
from sightline.flows.server.status import Reader

TEMPLATES = ROOT / "deploy" / "pools"


@pytest.fixture
def client(prefect_api):
    """A client, after which there is no pool."""
    with get_client(sync_client=True) as client:
        yield client
        for pool in client.read_work_pools():
            client.delete_work_pool(pool.name)


@pytest.fixture
def deploy(client, monkeypatch):
    """`sightline ops deploy` on the server of these tests."""
    monkeypatch.setenv("PREFECT_API_URL", str(client.api_url).rstrip("/"))
    monkeypatch.chdir(ROOT)
    return "ops deploy"


def kinds(client):
    return {pool.name: pool.type for pool in client.read_work_pools()}


def test_deploying_makes_pools_of_a_type_and_deployments_in_them(client, deploy):
    done = execute(BIN / "sightline", *deploy.split(), "--pool-type=kubernetes", env=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert kinds(client) == {"cpu": "kubernetes", "gpu": "kubernetes"}
    template = json.loads((TEMPLATES / "kubernetes-gpu.json").read_text())
    assert client.read_work_pool("gpu").base_job_template == template
    assert len(client.read_deployments(deployment_filter=DeploymentFilter())) >= 10


def test_pool_of_another_type_is_refused_before_anything_is_made(client, deploy):
    client.create_work_pool(WorkPoolCreate(name="gpu", type="process"))
    message = refused(f"{deploy} --pool-type kubernetes")
    assert "gpu is of type process, not kubernetes" in message
    assert "prefect work-pool delete gpu" in message
    assert kinds(client) == {"gpu": "process"}


def test_existing_pools_of_any_type_are_unchanged_without_a_type(client):
    """Such as one of Prefect Cloud, whose template Sightline does not know."""
    client.create_work_pool(WorkPoolCreate(name="cpu", type="ecs:push"))
    before = client.read_work_pool("cpu")
    done = pools.make(client, ["cpu", "gpu"], None, TEMPLATES)
    assert done == {"pool cpu": "up to date, ecs:push", "pool gpu": "created, process"}
    assert client.read_work_pool("cpu") == before
    assert pools.make(client, ["cpu", "gpu"], None, TEMPLATES)["pool gpu"] == "up to date, process"


@pytest.mark.parametrize(
    ("text", "what"), [(None, "missing"), ("{", "no template"), ("[]", "no template")]
)
def test_pool_without_a_template_is_refused_with_the_file(client, tmp_path, text, what):
    path = Path(tmp_path, "process-large.json")
    if text:
        path.write_text(text)
    with pytest.raises(ConfigError, match=rf"process-large\.json is {what}"):
        pools.make(client, ["large"], None, tmp_path)
    assert kinds(client) == {}


def test_pool_that_starts_its_runs_itself_needs_no_worker(client):
    for kind, obstacle in (("ecs:push", False), ("process", True)):
        client.create_work_pool(WorkPoolCreate(name="cpu", type=kind))
        flow = client.create_flow(train)
        client.create_deployment(flow, "somewhere", work_pool_name="cpu")
        rows = Reader(client).overview().rows
        (state,) = [row.state for row in rows if row.name == "train/somewhere"]
        assert ("no worker" in state) is obstacle
        client.delete_work_pool("cpu")
