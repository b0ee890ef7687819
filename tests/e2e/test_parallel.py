"""Trainings on two devices and on two nodes, each in a process of its own."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from command import ROOT
from reading import prepare_textures

pytestmark = pytest.mark.campaign

PROGRAM = ROOT / "tests" / "support" / "parallel_training.py"
PRECISION = 1e-5


def begin(backend, *arguments, **environment):
    return subprocess.Popen(
        [sys.executable, PROGRAM, *map(str, arguments)],
        env={**os.environ, "KERAS_BACKEND": backend, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result(process):
    out, log = process.communicate()
    assert process.returncode == 0, log[-3000:]
    return json.loads(out.splitlines()[-1])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parallel")
    _, _, arrays = prepare_textures(folder)
    (folder / "arrays.json").write_text(arrays.model_dump_json())
    return folder


@pytest.fixture(scope="module")
def tensorflow(data):
    return result(begin("tensorflow", "devices", data))


@pytest.fixture(scope="module")
def jax(data):
    return result(begin("jax", "devices", data))


def check_equal(found, expected):
    assert len(found["steps"]) >= 50
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(
            found["history"][name], expected["history"][name], atol=PRECISION, rtol=0
        )
    assert found["history"]["accuracy"] == expected["history"]["accuracy"]
    np.testing.assert_allclose(found["steps"], expected["steps"], atol=2 * PRECISION, rtol=0)


def check_devices(found):
    check_equal(found["two"], found["one"])
    assert found["resumed"]["digests"] == found["two"]["digests"]
    assert found["resumed"]["file"] == found["two"]["file"]
    assert "step 4" in found["resumed"]["resumed"][0]
    assert (found["one"]["devices"], found["one"]["environment"]) == (1, None)
    assert (found["two"]["devices"], found["two"]["environment"]) == (2, "2")
    assert found["available"] == 2
    for fact in ("training.devices is 4", "finds 2", '"all"'):
        assert fact in found["missing"]


def test_two_devices_of_tensorflow_train_as_one_and_resume_exactly(tensorflow):
    check_devices(tensorflow)
    (alone,), (first, second) = tensorflow["draws"]
    assert first == alone
    assert second != alone, "each device changes its images in its own way"


@pytest.mark.long
def test_two_devices_of_jax_train_as_one_and_resume_exactly(jax):
    check_devices(jax)


def begin_nodes(data, *last_steps):
    """Start a node for each step at which it dies; 0: never."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    environment = {"SIGHTLINE_NODES": str(len(last_steps)), "SIGHTLINE_RENDEZVOUS": address}
    return [
        begin("jax", "node", data, step, SIGHTLINE_NODE_RANK=str(rank), **environment)
        for rank, step in enumerate(last_steps)
    ]


@pytest.mark.long
def test_node_that_dies_ends_the_others_and_all_resume_as_if_nothing_had_happened(jax, data):
    leader, follower = begin_nodes(data, 0, 25)
    _, log = leader.communicate()
    follower.communicate()
    assert follower.returncode == 9
    assert "NodeLostError: Node 0 of 2 lost the others" in log
    assert "start all nodes again" in log
    leader, follower = begin_nodes(data, 0, 0)
    found = result(leader)
    assert result(follower)["digests"] == found["digests"]
    check_equal(found, jax["one"])
    assert (found["devices"], found["nodes"]) == (2, 2)
    assert len(found["resumed"]) == 1
