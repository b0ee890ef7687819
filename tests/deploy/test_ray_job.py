import shlex

import kubernetes_validate
import pytest
import yaml

from command import ROOT

# KubeRay's own schema is not at hand; the pods in it are checked as pods.
SPEC = yaml.safe_load((ROOT / "deploy/ray-job.yaml").read_text())["spec"]
CLUSTER = SPEC["rayClusterSpec"]
(WORKERS,) = CLUSTER["workerGroupSpecs"]
GROUPS = {"head": CLUSTER["headGroupSpec"], "workers": WORKERS}


def pod(group):
    return GROUPS[group]["template"]["spec"]


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("version", ["1.31", kubernetes_validate.latest_version()])
def test_pods_are_valid_without_privileges_and_share_the_artifacts(group, version):
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": pod(group)}
    kubernetes_validate.validate(made, version, strict=True)
    (container,) = pod(group)["containers"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert {one["mountPath"] for one in container["volumeMounts"]} >= {"/artifacts", "/data"}


def test_head_trains_nothing_and_workers_are_there_with_gpus_before_the_command_counts_them():
    assert CLUSTER["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert WORKERS["minReplicas"] == WORKERS["replicas"] == WORKERS["maxReplicas"]
    limits = {group: pod(group)["containers"][0]["resources"]["limits"] for group in GROUPS}
    assert "nvidia.com/gpu" not in limits["head"]
    assert limits["workers"]["nvidia.com/gpu"] == 1


def test_ray_of_the_cluster_is_the_one_in_our_lock_and_the_command_may_be_repeated():
    assert f"ray=={CLUSTER['rayVersion']}" in (ROOT / "deploy/locks/dev.lock").read_text()
    command = shlex.split(SPEC["entrypoint"])
    assert command[:2] == ["sightline", "train"]
    assert command[command.index("--runner") + 1] == "ray"
    assert SPEC["backoffLimit"] > 0
    assert "--run-id" in command
