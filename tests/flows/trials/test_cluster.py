import re

import pytest

from command import check_refused, invoke
from processes import free_port
from sightline.data.sharding.shard import ingest_shard
from sightline.errors import ConfigError, ServerError
from sightline.flows.server import api
from sightline.flows.trials import runners
from sightline.pipeline import ray_cluster
from sightline.pipeline.ray_cluster import Share, divide
from sightline.records import Run
from sightline.storage.workspace import Workspace

CPU_NODE, GPU_NODE = {"CPU": 4.0}, {"CPU": 32.0, "GPU": 4.0}


@pytest.mark.parametrize(
    ("nodes", "gpus_per_trial", "share"),
    [
        ([CPU_NODE, CPU_NODE], None, Share(cpus=4, gpus=0, at_once=2)),
        ([CPU_NODE, {"CPU": 9.0}], None, Share(cpus=4, gpus=0, at_once=3)),
        ([{"memory": 1.0}, CPU_NODE], None, Share(cpus=4, gpus=0, at_once=1)),
        ([CPU_NODE, GPU_NODE], None, Share(cpus=8, gpus=1, at_once=4)),
        ([GPU_NODE, GPU_NODE], 2, Share(cpus=16, gpus=2, at_once=4)),
        ([GPU_NODE], 0.5, Share(cpus=4, gpus=0.5, at_once=8)),
        ([GPU_NODE], 0, Share(cpus=32, gpus=0, at_once=1)),
        ([{"CPU": 2.0, "GPU": 8.0}], 1, Share(cpus=1, gpus=1, at_once=2)),
    ],
)
def test_trial_gets_its_gpus_and_their_share_of_the_cores_else_a_node(nodes, gpus_per_trial, share):
    assert divide(nodes, gpus_per_trial) == share


@pytest.mark.parametrize(("gpus", "found"), [(5, "most are 4"), (1.5, "whole number")])
def test_number_of_gpus_that_no_node_can_give_is_refused(gpus, found):
    with pytest.raises(ConfigError, match=rf"{gpus:g}.* {found}"):
        divide([GPU_NODE, GPU_NODE], gpus)


def test_cluster_without_a_usable_node_is_refused():
    with pytest.raises(ConfigError, match="No node of the Ray cluster has a CPU; add"):
        divide([{"memory": 1.0}], None)


def test_address_of_a_ray_client_is_refused(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(ConfigError, match="unset RAY_ADDRESS and run the command on a machine"):
        ray_cluster.connect(None)


def test_command_reaches_for_the_cluster():
    done = invoke("train", "--seeds", "2", "--runner", "ray", RAY_ADDRESS="ray://head:10001")
    check_refused(done, "RAY_ADDRESS is 'ray://head:10001'", "unset RAY_ADDRESS")


def test_cluster_that_is_gone_is_refused_with_its_address(monkeypatch):
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(ConfigError, match=rf"{re.escape(address)} \(RAY_ADDRESS\).*`ray start"):
        ray_cluster.connect(None)


def test_cluster_whose_token_is_missing_is_refused(monkeypatch):
    import ray
    from ray.exceptions import AuthenticationError

    def fail(**_):
        raise AuthenticationError("No authentication token was found.\nSet RAY_AUTH_TOKEN.")

    monkeypatch.setattr(ray_cluster, "_address", lambda: "10.0.0.1:6379")
    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(ConfigError, match=r"token was found.*Set RAY_AUTH_TOKEN.*`ray start"):
        ray_cluster.connect(None)


def test_interrupt_ends_all_tasks_also_the_one_that_is_awaited(monkeypatch, tmp_path):
    import ray

    from sightline.pipeline.ray_tasks import each_on_ray

    class Task:
        remote = staticmethod(lambda function, run, item: item["id"])

    def interrupted(_):
        raise KeyboardInterrupt

    ended = []
    monkeypatch.setattr(ray, "remote", lambda **_: lambda _: Task)
    monkeypatch.setattr(ray, "get", interrupted)
    monkeypatch.setattr(ray, "cancel", lambda task, force: ended.append(task))
    runs = [Run(id=name, workspace=Workspace(tmp_path)) for name in ("first", "second")]
    with pytest.raises(KeyboardInterrupt):
        next(each_on_ray(ingest_shard, runs[0], runs, Share(cpus=1, gpus=0, at_once=2)))
    assert ended == ["first", "second"]


def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r'pip install "sightline\[ray\]"'):
        ray_cluster.connect(None)


@pytest.mark.parametrize(
    ("url", "others", "is_refused"),
    [
        ("http://127.0.0.1:4200/api", ["10.0.0.2"], True),
        ("http://localhost:4200/api", ["10.0.0.2"], True),
        ("http://127.0.0.1:4200/api", [], False),
        ("http://server:4200/api", ["10.0.0.2"], False),
    ],
)
def test_api_on_loopback_is_refused_if_other_machines_need_it(monkeypatch, url, others, is_refused):
    import ray

    nodes = [{"NodeManagerAddress": one, "Alive": True} for one in ["10.0.0.1", *others]]
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    monkeypatch.setattr(ray.util, "get_node_ip_address", lambda: "10.0.0.1")
    monkeypatch.setattr(api, "configured_url", lambda: url)
    if not is_refused:
        runners.check_api_is_reachable()
        return
    with pytest.raises(ServerError, match=r"10\.0\.0\.2.*--host.*PREFECT_API_URL"):
        runners.check_api_is_reachable()


def test_trial_gets_its_roots_and_what_results_depend_on_but_no_password(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "user:password")
    monkeypatch.setenv("TF_VAR_database", "password")
    monkeypatch.setenv("TF_TOKEN_app_terraform_io", "password")
    monkeypatch.chdir(tmp_path)
    run = Run(id="a", workspace=Workspace(tmp_path), data_dir="data", mirror="http://u:p@mirror")
    passed = ray_cluster.environment(run)
    assert (
        passed.items()
        >= {
            "KERAS_BACKEND": "jax",
            "TF_ENABLE_ONEDNN_OPTS": "0",
            "SIGHTLINE_ARTIFACTS": str(tmp_path),
            "SIGHTLINE_DATA_DIR": str(tmp_path / "data"),
        }.items()
    )
    assert not any("p@mirror" in value or "password" in value for value in passed.values())
