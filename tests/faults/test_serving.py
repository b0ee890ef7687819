"""The server under load, while the champion changes and damaged images arrive."""

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import model_server
import photographs
import served_models
from depth import at_depth
from processes import wait_for
from sightline.data.decoding.images import EncodedImage, decode_one
from sightline.prediction.serving import loading

pytestmark = [pytest.mark.campaign, pytest.mark.long]

ROUNDS, SECONDS = at_depth((10, 8.0), (60, 60.0))
CLIENTS, PAUSE = 4, 0.05
GROWTH = 48 << 20
"""Bytes that the server may grow by after its first four rounds, in which it loads each model."""


def predicted(workspace, photos):
    """Return the probabilities of all photographs by each version, in this process."""
    found = {}
    for name in served_models.VERSIONS:
        engine = loading.load(workspace, name)
        pixels = [decode_one(EncodedImage("", path), engine.form)[1] for path in photos]
        found[name] = engine.predict(np.stack(pixels)).max(axis=1).tolist()
    return found


def resident(pid):
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096


def ask(server, photos, expected, until):
    """Send photographs until a time; return the number of right answers, and the models."""
    answered, models = 0, set()
    while time.monotonic() < until:
        first = answered % len(photos)
        chosen = photos[first : first + 3]
        answer = server.post(*chosen)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        probabilities = [one["probability"] for one in found["predictions"]]
        wanted = expected[found["model"]][first : first + 3]
        np.testing.assert_allclose(probabilities, wanted, atol=1e-5)
        models.add(found["model"])
        answered += 1
        time.sleep(PAUSE)
    return answered, models


def send_damaged(server, folder, photo, number):
    """Send a photograph that ends early, and a request that does."""
    content = photo.read_bytes()
    damaged = folder / "damaged.jpg"
    damaged.write_bytes(content[: len(content) * (number % 7 + 1) // 10])
    answer = server.post(photo, damaged)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("damaged.jpg")
    connection = http.client.HTTPConnection(server.address.removeprefix("http://"))
    connection.request("POST", "/predict", content[:50], {"Content-Length": str(len(content))})
    connection.close()


def test_no_request_is_lost_and_memory_is_bounded(tmp_path):
    workspace = served_models.publish(tmp_path)
    (tmp_path / "photos").mkdir()
    photos = photographs.write(tmp_path / "photos")
    expected = predicted(workspace, photos)
    sizes = []
    with (
        model_server.running(tmp_path, workspace) as server,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        until = time.monotonic() + ROUNDS * SECONDS
        clients = [pool.submit(ask, server, photos, expected, until) for _ in range(CLIENTS)]
        for number in range(ROUNDS):
            name = served_models.VERSIONS[(number + 1) % len(served_models.VERSIONS)]
            served_models.promote(workspace, name)
            wait_for(name, lambda name=name: server.model() == name)
            send_damaged(server, tmp_path, photos[number % 4 + 1], number)
            time.sleep(max(0.0, until - time.monotonic() - (ROUNDS - number - 1) * SECONDS))
            sizes.append(resident(server.process.pid))
        results = [client.result() for client in clients]
        metrics = server.metrics()
        assert server.stop() == 0
    answered = sum(count for count, _ in results)
    assert answered > ROUNDS * SECONDS
    assert set.union(*(models for _, models in results)) == set(served_models.VERSIONS)
    assert f'requests_total{{endpoint="predict",outcome="ok"}} {float(answered)}' in metrics
    assert f'swaps_total{{outcome="replaced"}} {float(ROUNDS)}' in metrics
    assert 'outcome="failed"' not in metrics
    assert max(sizes[4:]) - sizes[4] < GROWTH, [size >> 20 for size in sizes]
