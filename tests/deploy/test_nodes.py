import kubernetes_validate
import pytest
import yaml

from command import ROOT
from sightline.training import nodes
from sightline.training.nodes import Nodes

SERVICE, JOB = yaml.safe_load_all((ROOT / "deploy" / "nodes.yaml").read_text())


@pytest.mark.parametrize("version", ["1.31", kubernetes_validate.latest_version()])
def test_service_and_job_follow_the_schema(version):
    for part in (SERVICE, JOB):
        kubernetes_validate.validate(part, version, strict=True)


def test_pods_find_node_0_by_its_name(monkeypatch):
    name, spec = JOB["metadata"]["name"], JOB["spec"]
    pod = spec["template"]["spec"]
    assert SERVICE["metadata"]["name"] == pod["subdomain"]
    assert SERVICE["spec"]["selector"] == {"job-name": name}
    (container,) = pod["containers"]
    for entry in container["env"]:
        monkeypatch.setenv(entry["name"], entry.get("value", "1"))
    place = nodes.nodes()
    host, _, port = place.rendezvous.partition(":")
    assert place == Nodes(spec["completions"], 1, f"{name}-0.{pod['subdomain']}:{port}")
    assert host.startswith(f"{name}-0.")
    assert int(port) == SERVICE["spec"]["ports"][0]["port"]
    assert spec["parallelism"] == spec["completions"], "all nodes must run at the same time"
    (rank,) = (one for one in container["env"] if one["name"] == nodes.RANK)
    assert rank["valueFrom"]["fieldRef"]["fieldPath"].endswith("job-completion-index']")
