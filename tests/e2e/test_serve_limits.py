"""What `sightline serve` refuses: strangers, large, late and malformed requests."""

import http.client
import io
import json
import socket
from contextlib import suppress

import httpx
import pytest
from PIL import Image

import model_server
import served_models
from cli import refused

TOKEN = "s3cret-t0ken"  # noqa: S105
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return served_models.publish(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def limited(workspace, tmp_path_factory):
    folder = tmp_path_factory.mktemp("limited")
    options = ("--model=fruit-v1", "--max-body=0.2", "--max-images=3", "--max-pixels=100000")
    read_only = {"HOME": "/proc/self", "XDG_CACHE_HOME": ""}  # not even root can write there
    with model_server.running(
        folder, workspace, *options, "--timeout=2", SIGHTLINE_SERVE_TOKEN=TOKEN, **read_only
    ) as running:
        yield running


def picture(width, height):
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "png")
    return file.getvalue()


def send(server, content, name="a.png"):
    address = f"{server.address}/predict"
    return httpx.post(address, files=[("f", (name, content))], headers=AUTHORIZED)


@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", "Bearer é"]
)
def test_only_the_token_opens_the_server(given, limited):
    headers = {} if given is None else {"Authorization": given.encode()}
    for path in ("/metrics", "/v2/models/fruit", "/v2"):
        answer = httpx.get(f"{limited.address}{path}", headers=headers)
        assert answer.status_code == 401
        assert "Authorization: Bearer" in answer.json()["error"]
    assert httpx.post(f"{limited.address}/predict", headers=headers).status_code == 401
    for path in ("/healthz", "/v2/health/ready", "/v2/health/live", "/docs"):
        assert httpx.get(f"{limited.address}{path}").status_code == 200


def test_token_opens_the_server_and_is_written_nowhere(limited):
    assert send(limited, picture(20, 20)).status_code == 200
    assert TOKEN not in limited.output.read_text()
    assert TOKEN not in limited.metrics(headers=AUTHORIZED)


@pytest.mark.parametrize(
    ("content", "status", "part"),
    [
        (b"", 422, "a.png cannot be read"),
        (b"no image", 422, "unknown format"),
        (picture(100, 100)[:60], 422, "a.png cannot be read"),
        (b"<!doctype html><html></html>", 422, "HTML page"),
        (picture(1000, 1000), 422, "has more than 100,000 pixels"),
        (b"0" * 300_000, 413, "209,715 bytes"),
    ],
    ids=["empty", "text", "truncated", "html", "pixels", "bytes"],
)
def test_corrupt_or_large_upload_is_refused_with_one_sentence(content, status, part, limited):
    answer = send(limited, content)
    assert answer.status_code == status
    assert part in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def test_stream_is_cut_off_while_it_is_read(limited):
    sent = 0

    def endless():
        nonlocal sent
        while sent < 1 << 30:
            sent += 10_000
            yield b"0" * 10_000

    headers = {**AUTHORIZED, "Content-Type": "application/json"}
    with suppress(httpx.TransportError):  # the server closes the connection
        answer = httpx.post(f"{limited.address}/predict", content=endless(), headers=headers)
        assert answer.status_code == 413
    assert sent < 100 << 20


def test_request_that_does_not_arrive_is_ended(limited):
    connection = http.client.HTTPConnection(limited.address.removeprefix("http://"))
    connection.putrequest("POST", "/predict")
    headers = {**AUTHORIZED, "Content-Type": "application/json", "Content-Length": "100"}
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders(b"{")
    answer = connection.getresponse()
    assert answer.status == 408
    assert "2 seconds" in json.loads(answer.read())["error"]
    connection.close()


@pytest.mark.parametrize("before", [b"", b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_connection_whose_head_does_not_arrive_is_ended(before, limited):
    host, port = limited.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(before)
        received = b""
        while before and b"alive" not in received:
            received += (arrived := slow.recv(4096))
            assert arrived, received
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
        assert slow.recv(4096) == b""
        with suppress(OSError):
            slow.sendall(b"a\r\n\r\n")


PIXELS = {"name": "pixels", "shape": [1, 40, 32, 3], "datatype": "UINT8"}
BLACK = [0] * (40 * 32 * 3)


@pytest.mark.parametrize(
    ("path", "content", "part"),
    [
        ("predict", {"images": []}, "at least 1 item"),
        ("predict", {"images": ["?"]}, "images[0] is not base64"),
        ("predict", {"images": [""] * 4}, "4 images, expected at most 3"),
        ("predict", {"files": ["?"]}, "images"),
        ("predict", [], "should be an object"),
        ("infer", {"inputs": []}, "one input, found 0"),
        ("infer", {"inputs": [PIXELS]}, "data"),
        ("infer", {"inputs": [PIXELS | {"data": BLACK[1:]}]}, "do not fill its shape"),
        ("infer", {"inputs": [PIXELS | {"data": [[1], [1, 2]]}]}, "do not fill its shape"),
        ("infer", {"inputs": [PIXELS | {"data": [256, *BLACK[1:]]}]}, "0 to 256"),
        ("infer", {"inputs": [PIXELS | {"data": [None, *BLACK[1:]]}]}, "nan"),
        ("infer", {"inputs": [PIXELS | {"data": [0.5, *BLACK[1:]]}]}, "fractions"),
        (
            "infer",
            {"inputs": [PIXELS | {"data": [0.5, *BLACK[1:]], "datatype": "FP32"}]},
            "multiply them by 255",
        ),
        ("infer", {"inputs": [PIXELS | {"data": BLACK, "datatype": "INT64"}]}, "is INT64"),
        ("infer", {"inputs": [PIXELS | {"data": BLACK, "shape": [1, 32, 40, 3]}]}, "40, 32, 3"),
        ("infer", {"inputs": [PIXELS | {"data": BLACK, "shape": [-1, 40, 32, 3]}]}, "[-1, 40"),
        ("infer", {"inputs": [PIXELS | {"data": [], "shape": [0, 40, 32, 3]}]}, "[0, 40"),
        ("infer", {"inputs": [PIXELS | {"data": BLACK, "name": "x"}]}, "expected pixels"),
        (
            "infer",
            {"inputs": [PIXELS | {"data": BLACK}], "outputs": [{"name": "x"}]},
            "expected probabilities",
        ),
        (
            "infer",
            {"inputs": [PIXELS | {"data": BLACK, "parameters": {"binary_data_size": 3}}]},
            "binary_data_size",
        ),
        (
            "infer",
            {"inputs": [PIXELS | {"data": ["AA==", 1], "shape": [2], "datatype": "BYTES"}]},
            "no strings",
        ),
    ],
)
def test_wrong_json_is_refused_with_one_sentence(path, content, part, limited):
    place = "predict" if path == "predict" else "v2/models/fruit/infer"
    answer = httpx.post(f"{limited.address}/{place}", json=content, headers=AUTHORIZED)
    assert answer.status_code == 400
    assert part in answer.json()["error"]


def test_form_without_or_with_too_many_files_is_refused(limited):
    address = f"{limited.address}/predict"
    many = [("f", ("a.png", picture(9, 9)))] * 4
    answer = httpx.post(address, files=many, headers=AUTHORIZED)
    assert (answer.status_code, "files is 3" in answer.json()["error"]) == (400, True)
    form = {"headers": {**AUTHORIZED, "Content-Type": "multipart/form-data; boundary=x"}}
    for body in (b"--x--\r\n", b"no form", b""):
        answer = httpx.post(address, content=body, **form)
        assert (answer.status_code, "form" in answer.json()["error"]) == (400, True)
    answer = httpx.post(address, content=b"x", headers={**AUTHORIZED, "Content-Type": "text/plain"})
    assert (answer.status_code, "'text/plain'" in answer.json()["error"]) == (400, True)


def test_outcomes_are_counted(limited):
    for content in (picture(20, 20), b"no image", b"0" * 300_000):
        send(limited, content)
    httpx.post(f"{limited.address}/predict")
    found = limited.metrics(headers=AUTHORIZED)
    for outcome in ("ok", "refused", "too_large", "unauthorized"):
        assert f'sightline_requests_total{{endpoint="predict",outcome="{outcome}"}}' in found
    for name in ("request_seconds_bucket", "batch_images_count", "predictions_total"):
        assert f"sightline_{name}" in found
    assert 'sightline_model_info{model="fruit"' in found


def test_server_needs_a_model_an_address_and_a_token(tmp_path, workspace, monkeypatch):
    monkeypatch.delenv("SIGHTLINE_SERVE_TOKEN", raising=False)
    here = f"--artifacts={workspace}"
    assert "SIGHTLINE_SERVE_TOKEN" in refused("serve --host 0.0.0.0", here)
    monkeypatch.setenv("SIGHTLINE_SERVE_TOKEN", "two words")
    assert "words" not in refused("serve --host 0.0.0.0", here)
    monkeypatch.delenv("SIGHTLINE_SERVE_TOKEN")
    assert "models promote" in refused("serve --port 0", f"--artifacts={tmp_path}")
    assert "--max-queue" in refused("serve --port 0 --max-queue 3", here)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert "--port" in refused(f"serve --port {port}", here)
