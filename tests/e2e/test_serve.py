"""`sightline serve`: its answers, and how it changes the model."""

import base64
import http.client
import json
import re
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import numpy as np
import pyarrow.parquet as pq
import pytest

import model_server
import photographs
import served_models
from command import ROOT, execute
from processes import wait_for
from sightline import registry
from sightline.config import ExportConfig
from sightline.data.decoding.images import EncodedImage, decode_one
from sightline.data.readers.base import Form
from sightline.errors import ModelFileError
from sightline.prediction import model as models
from sightline.prediction.predict import predict
from sightline.prediction.serving import loading
from sightline.records import ModelMetadata
from sightline.registry import audit_log

TOLERANCE = ExportConfig().tolerance
VERSIONS = served_models.VERSIONS


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return photographs.write(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Versions that stretch, crop and letterbox, one of gray images, one that gets damaged."""
    made = served_models.publish(tmp_path_factory.mktemp("served"))
    color = served_models.export(made.root.parent / "fifth", served_models.COLOR)
    served_models.register(made, "run-damaged", color)
    return made


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("log")


@pytest.fixture(scope="module")
def server(workspace, log, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    options = ("--log-requests", str(log), "--abstain-below=0.6")
    with model_server.running(folder, workspace, *options) as running:
        yield running


@pytest.fixture(scope="module")
def predicted(workspace, photos, tmp_path_factory):
    """What `sightline predict` finds with the `.keras` file of each version."""
    folder, found = tmp_path_factory.mktemp("predicted"), {}
    for name in VERSIONS:
        table = folder / f"{name}.parquet"
        predict([*map(str, photos)], models.find(workspace, name), table, 0.6)
        found[name] = pq.read_table(table).to_pylist()
    return found


def serve_version(server, workspace, name):
    """Make a version the champion, and wait for the server."""
    if registry.aliases(workspace, served_models.DATASET).champion != name:
        served_models.promote(workspace, name)
    wait_for(name, lambda: server.model() == name)


def check(answers, expected):
    """Compare predictions of the server with rows of `predict`."""
    assert len(answers) == len(expected)
    for answer, row in zip(answers, expected, strict=True):
        assert (answer["label"], answer["class"]) == (row["label"], row["class"])
        assert answer["probability"] == pytest.approx(row["probability"], abs=TOLERANCE)
        assert answer["abstained"] == (answer["probability"] < 0.6)


@pytest.mark.parametrize("name", VERSIONS)
def test_answers_equal_those_of_predict(name, server, workspace, photos, predicted):
    serve_version(server, workspace, name)
    found = server.post(*photos).json()
    assert found["model"] == name
    assert [one["input"] for one in found["predictions"]] == [path.name for path in photos]
    check(found["predictions"], predicted[name])


def test_versions_and_photographs_are_told_apart(predicted):
    rows = [[row["probability"] for row in predicted[name]] for name in VERSIONS]
    distances = np.abs(np.subtract.outer(np.ravel(rows), np.ravel(rows)))
    assert np.sort(distances[np.triu_indices_from(distances, 1)])[1] > 2 * TOLERANCE


def test_json_and_all_probabilities(server, workspace, photos, predicted):
    serve_version(server, workspace, "fruit-v2")
    texts = [base64.b64encode(path.read_bytes()).decode() for path in photos]
    address = f"{server.address}/predict?probabilities=true"
    found = httpx.post(address, json={"images": texts}).json()["predictions"]
    check(found, predicted["fruit-v2"])
    for number, one in enumerate(found):
        assert one["input"] == f"images[{number}]"
        assert list(one["probabilities"]) == list(served_models.NAMES)
        assert sum(one["probabilities"].values()) == pytest.approx(1)
        assert max(one["probabilities"].values()) == one["probability"]


def test_open_inference_protocol_describes_server_and_model(server, workspace):
    serve_version(server, workspace, "fruit-v2")
    assert httpx.get(f"{server.address}/v2").json()["name"] == "sightline"
    for state in ("live", "ready"):
        assert httpx.get(f"{server.address}/v2/health/{state}").json() == {state: True}
    place = f"{server.address}/v2/models/fruit"
    described = httpx.get(place).json()
    assert described == httpx.get(f"{place}/versions/2").json()
    assert (described["name"], described["versions"]) == ("fruit", ["2"])
    assert described["inputs"] == [
        {"name": "pixels", "datatype": "UINT8", "shape": [-1, 40, 32, 3]}
    ]
    assert described["outputs"][0] == {
        "name": "probabilities",
        "datatype": "FP32",
        "shape": [-1, 3],
    }
    assert httpx.get(f"{place}/versions/2/ready").json() == {"name": "fruit", "ready": True}
    for missing in ("fruit/versions/99", "fruit/versions/99/ready", "vegetables"):
        answer = httpx.get(f"{server.address}/v2/models/{missing}")
        assert answer.status_code == 404
        assert "fruit/versions/2" in answer.json()["error"]


@pytest.mark.parametrize("datatype", ["UINT8", "FP32", "BYTES"])
@pytest.mark.parametrize("nested", [False, True])
def test_open_inference_protocol_predicts(datatype, nested, server, workspace, photos, predicted):
    serve_version(server, workspace, "fruit-v2")
    form = Form(served_models.COLOR, "crop")
    pixels = np.stack([decode_one(EncodedImage("", path), form)[1] for path in photos])
    data = pixels.tolist() if nested else pixels.ravel().tolist()
    shape = list(pixels.shape)
    if datatype == "BYTES":
        data = [base64.b64encode(path.read_bytes()).decode() for path in photos]
        shape = [len(photos)]
    tensor = {"name": "pixels", "shape": shape, "datatype": datatype, "data": data}
    wanted = {"outputs": [{"name": "label"}]} if nested else {}
    place = f"{server.address}/v2/models/fruit/versions/2/infer"
    found = httpx.post(place, json={"id": "one", "inputs": [tensor], **wanted}).json()
    assert (found["model_name"], found["model_version"], found["id"]) == ("fruit", "2", "one")
    outputs = {one["name"]: one for one in found["outputs"]}
    rows = predicted["fruit-v2"]
    assert outputs["label"]["data"] == [row["label"] for row in rows]
    if nested:
        assert outputs.keys() == {"label"}
        return
    assert outputs["probabilities"]["shape"] == [len(photos), 3]
    highest = np.reshape(outputs["probabilities"]["data"], (-1, 3)).max(axis=1)
    np.testing.assert_allclose(highest, [row["probability"] for row in rows], atol=TOLERANCE)
    assert outputs["abstained"]["data"] == [one < 0.6 for one in highest.tolist()]


def test_no_request_is_lost_while_the_champion_changes(server, workspace, photos, predicted):
    """Each answer is that of the version which it names, also where the form of images differs."""
    stop, answers = threading.Event(), []

    def ask(client):
        while not stop.is_set():
            answers.append(server.post(*photos[client : client + 3]))
            check(answers[-1].json()["predictions"], expected(answers[-1], client))

    def expected(answer, client):
        return predicted[answer.json()["model"]][client : client + 3]

    def is_answering(name, since):
        return name in {answer.json()["model"] for answer in answers[since:]}

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(ask, client) for client in range(4)]
        try:
            for name in ("fruit-v4", "fruit-v1", "fruit-v4", "fruit-v3"):
                serve_version(server, workspace, name)
                wait_for(f"{name} answers", partial(is_answering, name, len(answers)))
        finally:
            stop.set()
        for client in clients:
            client.result()


def test_damaged_version_is_refused_and_the_old_one_goes_on(server, workspace, photos, predicted):
    serve_version(server, workspace, "fruit-v1")
    version = registry.resolve(workspace, "fruit-v5")
    file = workspace.path(version.files["exports/model.onnx"].path)
    file.write_bytes(file.read_bytes()[:-100])
    events = audit_log.read(workspace, "fruit")
    audit_log.append(workspace, events, "promote", "fruit-v5", reason="it is not checked here")
    wait_for("the refusal", lambda: 'outcome="refused"} 1.0' in swaps(server))
    found = server.post(*photos).json()
    assert found["model"] == "fruit-v1"
    check(found["predictions"], predicted["fruit-v1"])
    line = server.output.read_text()
    assert f"{file} cannot be used" in line
    assert "fruit-v5 is refused, fruit-v1 goes on" in line
    served_models.promote(workspace, "fruit-v2")
    wait_for("the next one", lambda: server.model() == "fruit-v2")


def swaps(server):
    return "\n".join(line for line in server.metrics().splitlines() if "model_swaps" in line)


DOCUMENTATION = (ROOT / "docs" / "serving.md").read_text()
CURL = re.findall(r"^curl .*$", DOCUMENTATION, re.MULTILINE)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed (Debian: curl)")
def test_documented_requests_are_answered(server, workspace, photos, tmp_path):
    serve_version(server, workspace, "fruit-v2")
    for name, photo in (("photo.jpg", photos[0]), ("scan.png", photos[-1])):
        shutil.copy(photo, tmp_path / name)
    assert len(CURL) == 7
    for line in CURL:
        assert "http://127.0.0.1:8000" in line
        command = line.replace("http://127.0.0.1:8000", server.address).replace("mnist", "fruit")
        done = execute("bash", "-c", command.replace("curl", "curl -sf", 1), cwd=tmp_path)
        assert done.returncode == 0, line
        found = json.loads(done.stdout)
        assert found.keys() & {"predictions", "outputs", "inputs", "ready"}, line
    for name in ("input", "label", "class", "probability", "abstained"):
        assert f'"{name}":' in DOCUMENTATION


def test_page_of_the_addresses_loads_nothing(server):
    page = httpx.get(f"{server.address}/docs")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "POST /predict" in page.text
    assert not any(mark in page.text for mark in ("<script", "http:", "https:", "src="))
    assert httpx.get(f"{server.address}/openapi.json").json()["paths"]["/predict"]["post"]


def test_sigterm_waits_for_requests_and_the_record_is_complete(
    server, workspace, log, photos, predicted
):
    serve_version(server, workspace, "fruit-v2")
    body = b"".join(
        (
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="last.jpg"\r\n\r\n',
            photos[0].read_bytes(),
            b"\r\n--x--\r\n",
        )
    )
    connection = http.client.HTTPConnection(server.address.removeprefix("http://"))
    connection.putrequest("POST", "/predict")
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body[:100])
    wait_for("the request", lambda: "sightline_queue_images" in server.metrics())
    server.process.terminate()
    time.sleep(0.3)
    assert server.process.poll() is None, "it waits for the rest"
    connection.send(body[100:])
    answer = json.loads(connection.getresponse().read())
    connection.close()
    check(answer["predictions"], predicted["fruit-v2"][:1])
    assert server.process.wait(60) == 0

    tables = [pq.ParquetFile(path).read() for path in log.glob("day=20*/*.parquet")]
    rows = [row for table in tables for row in table.to_pylist()]
    assert set(rows[0]) == {"file", "sha256", "predicted", "probability", "abstained", "model"}
    (last,) = [row for row in rows if row["file"] == "last.jpg"]
    assert last["model"] == "fruit-v2"
    assert last["predicted"] == answer["predictions"][0]["label"]


@pytest.mark.campaign
def test_file_is_converted_and_the_conversion_certified(workspace, photos, predicted, tmp_path):
    version = registry.resolve(workspace, "fruit-v3")
    file = shutil.copy(workspace.path(version.model.path), tmp_path / "mine.keras")
    engine = loading.load(workspace, str(file))
    assert (engine.name, engine.version) == ("model", version.model.sha256[:12])
    assert engine.metadata == ModelMetadata.of(version)
    pixels = [decode_one(EncodedImage("", path), engine.form)[1] for path in photos]
    expected = [row["probability"] for row in predicted["fruit-v3"]]
    found = engine.predict(np.stack(pixels)).max(axis=1)
    np.testing.assert_allclose(found, expected, atol=TOLERANCE)
    file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(ModelFileError, match="mine"):
        loading.load(workspace, str(file))
