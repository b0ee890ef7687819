import copy
import json

import kubernetes_validate
import pytest

import pools
from sightline.tasks.train import train

DEVICES = ["cpu", "gpu"]
VERSIONS = ["1.31", kubernetes_validate.latest_version()]


def manifest(name, source=None, **variables):
    """Render the Job that the real worker would create."""
    return pools.render(name, source, **variables).job_manifest


def pod(job):
    return job["spec"]["template"]["spec"]


def check(job, version):
    """Validate a Job strictly, without two fields of the pod that only Prefect's worker needs."""
    job = copy.deepcopy(job)
    assert pod(job).pop("parallelism") == 1
    assert pod(job).pop("completions") == 1
    kubernetes_validate.validate(job, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("device", DEVICES)
def test_manifest_is_valid_with_defaults_and_with_every_variable(device, version):
    check(manifest(f"kubernetes-{device}"), version)
    selector = {"pool": "training"}
    tolerations = [{"key": "training", "operator": "Equal", "value": "yes"}]
    nodes = {"node_selector": selector, "tolerations": tolerations}
    more = {"service_account_name": "sightline", "annotations": {"owner": "vision"}}
    job = manifest(f"kubernetes-{device}", **nodes, **more, cpu_limit="8")
    check(job, version)
    assert (pod(job)["nodeSelector"], pod(job)["tolerations"]) == (selector, tolerations)


@pytest.mark.parametrize(
    "key", ["tolerations", "activeDeadlineSeconds", "sizeLimit", "runAsNonRoot"]
)
def test_misspelt_key_of_a_manifest_is_refused(key):
    source = pools.template("kubernetes-gpu")
    text = json.dumps(source["job_configuration"])
    source["job_configuration"] = json.loads(text.replace(f'"{key}": ', f'"{key}s": '))
    with pytest.raises(kubernetes_validate.ValidationError, match=f"{key}s"):
        check(manifest("kubernetes-gpu", source), VERSIONS[-1])


def test_only_the_gpu_job_gets_gpus_and_may_run_on_gpu_nodes():
    job = pod(manifest("kubernetes-gpu"))
    tolerated = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    assert job["tolerations"] == [tolerated]
    assert job["containers"][0]["resources"] == {
        "requests": {"cpu": "4", "memory": "16Gi"},
        "limits": {"memory": "16Gi", "nvidia.com/gpu": 1},
    }
    job = pod(manifest("kubernetes-gpu", gpu_count=2))
    assert job["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 2
    job = pod(manifest("kubernetes-cpu"))
    assert "nvidia.com" not in json.dumps(job)
    assert "SIGHTLINE_GPU" not in json.dumps(job)
    assert job["tolerations"] == []
    assert job["containers"][0]["resources"] == {
        "requests": {"cpu": "2", "memory": "4Gi"},
        "limits": {"memory": "8Gi"},
    }


@pytest.mark.parametrize("device", DEVICES)
def test_job_ends_at_its_deadline_and_is_never_repeated_by_kubernetes(device):
    name = f"kubernetes-{device}"
    spec = manifest(name, active_deadline_seconds=3600)["spec"]
    limits = {"activeDeadlineSeconds": 3600, "backoffLimit": 0, "ttlSecondsAfterFinished": 86400}
    assert limits.items() <= spec.items()
    ending = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 60}
    assert ending.items() <= spec["template"]["spec"].items()
    # Prefect restarts what Kubernetes ends; the timeout of the training is final.
    assert manifest(name)["spec"]["activeDeadlineSeconds"] > (train.timeout_seconds or 0)
    assert pools.render(name).pod_watch_timeout_seconds == 600  # until there is a node


@pytest.mark.parametrize("device", DEVICES)
def test_job_mounts_claims_and_shared_memory(device):
    job = manifest(f"kubernetes-{device}", shm_size="4Gi", artifacts_claim="results")
    data = {"claimName": "sightline-data", "readOnly": True}
    assert pod(job)["volumes"] == [
        {"name": "artifacts", "persistentVolumeClaim": {"claimName": "results"}},
        {"name": "data", "persistentVolumeClaim": data},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "4Gi"}},
    ]
    assert pod(job)["containers"][0]["volumeMounts"] == [
        {"name": "artifacts", "mountPath": "/artifacts"},
        {"name": "data", "mountPath": "/data", "readOnly": True},
        {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 - no file of ours is made there
    ]


@pytest.mark.parametrize("device", DEVICES)
def test_job_runs_our_image_without_privileges(device):
    job = manifest(f"kubernetes-{device}")
    (container,) = pod(job)["containers"]
    assert container["image"] == f"sightline:{device}"
    assert container["imagePullPolicy"] == "IfNotPresent"
    reschedule = {"name": "PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR", "value": "reschedule"}
    assert reschedule in container["env"], "an eviction gives the run back to Prefect"
    assert container["args"] == ["prefect", "flow-run", "execute"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod(job)["automountServiceAccountToken"] is False
    assert pod(job)["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
