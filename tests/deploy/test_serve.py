import kubernetes_validate
import pytest
import typer.main
import yaml

from command import ROOT
from sightline.flows.cli.main import app
from sightline.prediction.serving import server
from sightline.prediction.serving.guard import OPEN
from sightline.prediction.serving.settings import Settings

SERVICE, DEPLOYMENT = yaml.safe_load_all((ROOT / "deploy" / "serve.yaml").read_text())
POD = DEPLOYMENT["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]


@pytest.mark.parametrize("version", ["1.31", kubernetes_validate.latest_version()])
def test_service_and_deployment_follow_the_schema(version):
    for part in (SERVICE, DEPLOYMENT):
        kubernetes_validate.validate(part, version, strict=True)


def test_service_finds_the_pods():
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    assert SERVICE["spec"]["selector"] == DEPLOYMENT["spec"]["selector"]["matchLabels"] == labels
    (port,), (exposed,) = CONTAINER["ports"], SERVICE["spec"]["ports"]
    assert exposed["targetPort"] == port["name"]
    assert str(port["containerPort"]) == CONTAINER["args"][-1]


def test_command_and_its_options_exist():
    program, name, *words = CONTAINER["args"]
    command = typer.main.get_command(app).commands[name]
    known = {option for one in command.params for option in one.opts}
    assert program == "sightline"
    assert {word for word in words if word.startswith("--")} <= known


def test_pod_has_no_privileges_and_writes_only_to_tmp():
    assert POD["securityContext"]["runAsNonRoot"]
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    writable = [one["mountPath"] for one in CONTAINER["volumeMounts"] if not one.get("readOnly")]
    assert writable == ["/tmp"]  # noqa: S108 - of the container
    assert {"requests", "limits"} <= CONTAINER["resources"].keys()


def test_token_comes_from_a_secret_and_probes_need_none():
    (token,) = [one for one in CONTAINER["env"] if one["name"] == server.TOKEN]
    assert "value" not in token
    assert token["valueFrom"]["secretKeyRef"]["key"] == "token"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert CONTAINER[probe]["httpGet"]["path"] in OPEN


def test_pod_has_time_to_answer_what_has_arrived():
    pause = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    assert POD["terminationGracePeriodSeconds"] > Settings().timeout + pause + 5
