import json
from contextlib import closing
from http.server import ThreadingHTTPServer
from typing import Any

import pytest
from docker import DockerClient
from prefect_docker.worker import DockerWorker

import pools
from processes import QuietHandler, serving

MIB = 2**20


class Engine(QuietHandler):
    """The part of Docker's HTTP API that creates a container."""

    requests: list[Any]

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.requests.append(json.loads(body))
        self.answer(201, {"Id": "c0ffee", "Warnings": []})

    def do_GET(self):
        self.answer(200, {"Id": "c0ffee", "Name": "/nightly", "State": {"Status": "created"}})


@pytest.fixture
def engine():
    """docker-py, connected to a loopback server that records its requests."""
    Engine.requests = []
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Engine)) as address:
        client = DockerClient(base_url=address.replace("http", "tcp"), version="1.44")
        with closing(client):
            yield client


def created(engine, name, **variables):
    """Let the real worker create a container and return the request that Docker receives."""
    worker = DockerWorker(work_pool_name=name, test_mode=True)
    settings = worker._build_container_settings(engine, pools.render(name, **variables))
    worker._create_container(engine, **settings)
    (request,) = Engine.requests
    return request


@pytest.mark.parametrize(
    ("name", "variables", "gpus", "memory"),
    [
        ("docker-cpu", {}, [], 512 * MIB),
        ("docker-gpu", {"gpu_count": 2}, [("nvidia", [["gpu"]], 2)], 2048 * MIB),
        ("docker-gpu", {"shm_size": "8g"}, [("nvidia", [["gpu"]], 1)], 8192 * MIB),
    ],
)
def test_deployment_changes_one_variable_and_keeps_the_rest(engine, name, variables, gpus, memory):
    host = created(engine, name, **variables)["HostConfig"]
    found = host.get("DeviceRequests") or []
    assert [(one["Driver"], one["Capabilities"], one["Count"]) for one in found] == gpus
    assert host["ShmSize"] == memory


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_container_runs_our_image_without_privileges(engine, device):
    name = f"docker-{device}"
    request = created(engine, name, data_volume="/srv/images", networks=["sightline"])
    host = request["HostConfig"]
    assert request["Image"] == f"sightline:{device}"
    assert pools.render(name).image_pull_policy == "IfNotPresent"
    assert request["User"] == "10001:10001"
    assert request["Cmd"] == ["prefect", "flow-run", "execute"]
    assert request["Healthcheck"]["Test"] == ["NONE"], "there is no worker in it"
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert not host.get("Privileged")
    # The exit code of a container that removes itself is lost, and with it the state Crashed.
    assert not host.get("AutoRemove")
    assert host["Binds"] == ["sightline-artifacts:/artifacts", "/srv/images:/data:ro"]
    assert host["NetworkMode"] == "sightline"
