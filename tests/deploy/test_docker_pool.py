import json
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from docker import DockerClient
from prefect.utilities.schema_tools import ValidationError, validate
from prefect_docker.worker import DockerWorker

import pools

GIB = 2**30
MIB = 2**20


class Engine(BaseHTTPRequestHandler):
    """The part of Docker's HTTP API that creates a container."""

    requests: list[Any]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.requests.append(json.loads(body))
        self._answer(201, {"Id": "c0ffee", "Warnings": []})

    def do_GET(self) -> None:
        self._answer(200, {"Id": "c0ffee", "Name": "/nightly", "State": {"Status": "created"}})

    def log_message(self, *arguments: object) -> None:
        """Stay quiet."""

    def _answer(self, status: int, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def engine() -> Iterator[DockerClient]:
    """docker-py, connected to a loopback server that records its requests."""
    Engine.requests = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Engine) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        address = f"tcp://127.0.0.1:{server.server_port}"
        with closing(DockerClient(base_url=address, version="1.44")) as client:
            yield client
        server.shutdown()


def created(engine: DockerClient, name: str, **variables: object) -> Any:
    """Let the real worker create a container and return the request that Docker receives."""
    worker = DockerWorker(work_pool_name=name, test_mode=True)
    settings = worker._build_container_settings(engine, pools.render(name, **variables))
    worker._create_container(engine, **settings)
    (request,) = Engine.requests
    return request


def test_gpu_container_gets_one_gpu(engine: DockerClient) -> None:
    (device,) = created(engine, "docker-gpu")["HostConfig"]["DeviceRequests"]
    assert (device["Driver"], device["Count"]) == ("nvidia", 1)
    assert device["Capabilities"] == [["gpu"]]


def test_cpu_container_gets_no_device(engine: DockerClient) -> None:
    host = created(engine, "docker-cpu")["HostConfig"]
    assert not host.get("DeviceRequests")
    assert host["ShmSize"] == 512 * MIB


@pytest.mark.parametrize(
    ("variables", "gpus", "memory"),
    [({"gpu_count": 2}, 2, 2 * GIB), ({"shm_size": "8g"}, 1, 8 * GIB)],
)
def test_deployment_changes_one_variable_and_keeps_the_rest(
    engine: DockerClient, variables: dict[str, object], gpus: int, memory: int
) -> None:
    host = created(engine, "docker-gpu", **variables)["HostConfig"]
    assert (host["DeviceRequests"][0]["Count"], host["ShmSize"]) == (gpus, memory)


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_container_runs_our_image_without_privileges(engine: DockerClient, device: str) -> None:
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


@pytest.mark.parametrize(
    "wrong",
    [{"privileged": True}, {"gpu_count": 0}, {"shm_size": "two"}, {"artifacts_volume": ""}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_wrong_job_variable_is_refused_by_the_server(wrong: dict[str, object]) -> None:
    schema = pools.template("docker-gpu")["variables"]
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        validate(wrong, schema, raise_on_error=True)
