import socket

import pytest

from sightline.errors import ConfigError
from sightline.training.nodes import Nodes, free_address, nodes

SECOND = {
    "SIGHTLINE_NODES": "3",
    "SIGHTLINE_NODE_RANK": "2",
    "SIGHTLINE_RENDEZVOUS": "train-0.train:29400",
    "SIGHTLINE_NODES_WAIT": "300",
}


@pytest.fixture
def environment(monkeypatch):
    def choose(**changes):
        for name, value in {**SECOND, **changes}.items():
            monkeypatch.setenv(name, value)

    return choose


def test_machine_reads_its_place_from_the_environment(environment, monkeypatch):
    assert nodes() == Nodes()
    assert nodes().leads
    environment()
    assert nodes() == Nodes(3, 2, "train-0.train:29400")
    assert not nodes().leads
    assert str(nodes()) == "node 2 of 3, rendezvous train-0.train:29400"
    environment(SIGHTLINE_NODES="1", SIGHTLINE_NODE_RANK="")
    assert nodes() == Nodes()
    place = Nodes(2, 1, "10.0.0.1:29400", wait=7200)
    place.take()
    assert nodes() == place


def test_node_0_meets_the_others_where_they_reach_it():
    host, port = free_address("localhost").split(":")
    assert host == "127.0.0.1"
    socket.create_server((host, int(port))).close()


def test_address_towards_an_unknown_host_is_refused_in_one_sentence():
    with pytest.raises(ConfigError, match=r"nowhere\.invalid.*SIGHTLINE_RENDEZVOUS=HOST:PORT"):
        free_address("nowhere.invalid")


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("SIGHTLINE_NODES", "two", "at least 1"),
        ("SIGHTLINE_NODES", "0", "at least 1"),
        ("SIGHTLINE_NODE_RANK", "", "at least 0"),
        ("SIGHTLINE_NODE_RANK", "3", "0 to 2"),
        ("SIGHTLINE_NODES_WAIT", "0", "at least 1"),
        ("SIGHTLINE_RENDEZVOUS", "", "HOST:PORT"),
        ("SIGHTLINE_RENDEZVOUS", "http://host:1", "HOST:PORT"),
    ],
)
def test_wrong_variable_is_refused_by_name(variable, value, expected, environment):
    environment(**{variable: value})
    with pytest.raises(ConfigError, match=f"{variable} is .*{value}.*{expected}"):
        nodes()
