"""Batches, back-pressure and time-outs, with an engine that computes when it is told to."""

import asyncio
import io
import threading
from contextlib import asynccontextmanager

import httpx
import numpy as np
import pytest
from PIL import Image

from sightline.errors import DataError
from sightline.prediction.serving import app
from sightline.prediction.serving.engine import Engine
from sightline.prediction.serving.metrics import Metrics
from sightline.prediction.serving.service import Service, Upload
from sightline.prediction.serving.settings import Settings
from sightline.records import ModelMetadata

METADATA = ModelMetadata(class_names=("a", "b"), image_shape=(8, 8, 1))


class Slow(Engine):
    """Waits for `go`; the probability of its first class is the first pixel, divided by 255."""

    def predict(self, images):
        self.session["batches"].append(len(images))
        assert self.session["go"].wait(60)
        if images[0, 0, 0, 0] == 13:
            raise RuntimeError("it failed on purpose")
        first = images[:, 0, 0, 0] / np.float32(255)
        return np.stack([first, 1 - first], axis=1)


def slow(version="1"):
    state = {"go": threading.Event(), "batches": []}
    return Slow(f"m-v{version}", "m", version, "a" * 64, METADATA, state)


@asynccontextmanager
async def serving(engine, **settings):
    """Yield a service and a client of its application."""
    service = Service(engine, Settings(**settings), Metrics())
    running = asyncio.create_task(service.run_batches())
    transport = httpx.ASGITransport(app.build(service), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        yield service, client
    engine.session["go"].set()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def image(value):
    return np.full((8, 8, 1), value, np.uint8)


def png():
    file = io.BytesIO()
    Image.fromarray(np.zeros((500, 500), np.uint8)).save(file, "PNG")
    return file.getvalue()


def infer(client, *values, version="1"):
    pixels = np.stack([image(value) for value in values])
    tensor = {"name": "pixels", "shape": pixels.shape, "datatype": "UINT8"}
    body = {"inputs": [tensor | {"data": pixels.ravel().tolist()}]}
    path = f"/v2/models/m/versions/{version}/infer"
    return asyncio.create_task(client.post(path, json=body))


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.001)


def first_class(answer):
    return answer.json()["outputs"][0]["data"][::2]


def test_images_that_arrive_while_the_model_computes_form_the_next_batches():
    async def check():
        engine = slow()
        async with serving(engine, max_batch=4) as (service, client):
            tasks = [infer(client, 51)]
            await until(lambda: engine.session["batches"] == [1])
            tasks += [infer(client, 0, 102), infer(client, 153, 204, 255)]
            await until(lambda: len(service._batcher._waiting) == 5)
            engine.session["go"].set()
            found = [first_class(await task) for task in tasks]
        assert engine.session["batches"] == [1, 4, 1]
        np.testing.assert_allclose(np.concatenate(found), np.array([1, 0, 2, 3, 4, 5]) / 5)

    asyncio.run(check())


def test_request_keeps_its_engine_and_the_old_one_is_forgotten():
    async def check():
        old, new = slow("1"), slow("2")
        async with serving(old) as (service, client):
            tasks = [infer(client, 51)]
            await until(lambda: old.session["batches"])
            tasks.append(infer(client, 51))
            await until(lambda: service._batcher._waiting)
            service.replace(new)
            new.session["go"].set()
            tasks.append(infer(client, 102, version="2"))
            await until(lambda: len(service._batcher._waiting) == 2)
            old.session["go"].set()
            answers = [await task for task in tasks]
            assert [one.json()["model_version"] for one in answers] == ["1", "1", "2"]
            assert (await infer(client, 1, version="1")).status_code == 404
        assert (old.session["batches"], new.session["batches"]) == ([1, 1], [1])

    asyncio.run(check())


def test_full_queue_answers_503_at_once_and_recovers():
    async def check():
        engine = slow()
        async with serving(engine, max_queue=3, max_images=3) as (_, client):
            waiting = infer(client, 1, 2)
            await until(lambda: engine.session["batches"])
            refused = await infer(client, 3, 4)
            assert refused.status_code == 503
            assert refused.headers["Retry-After"] == "1"
            assert "2 images are at work" in refused.json()["error"]
            engine.session["go"].set()
            assert (await waiting).status_code == 200
            assert (await infer(client, 3, 4)).status_code == 200
            metrics = (await client.get("/metrics")).text
        assert 'outcome="busy"} 1.0' in metrics
        assert "sightline_queue_images 0.0" in metrics

    asyncio.run(check())


def test_bodies_of_all_requests_have_a_limit_together():
    async def check():
        engine = slow()
        async with serving(engine, max_bodies=3000) as (_, client):
            waiting = infer(client, *range(20, 30))
            await until(lambda: engine.session["batches"])
            assert (await infer(client, *range(20, 30))).status_code == 503
            engine.session["go"].set()
            assert (await waiting).status_code == 200
            assert (await infer(client, *range(20, 30))).status_code == 200

    asyncio.run(check())


def test_slow_answer_is_given_up_and_its_images_are_not_predicted():
    async def check():
        engine = slow()
        async with serving(engine, timeout=0.2) as (_, client):
            tasks = [infer(client, 1)]
            await until(lambda: engine.session["batches"])
            tasks.append(infer(client, 2, 3))
            assert [(await task).status_code for task in tasks] == [504, 504]
            engine.session["go"].set()
            assert (await infer(client, 4)).status_code == 200
        assert engine.session["batches"] == [1, 1]

    asyncio.run(check())


def test_other_images_of_a_refused_request_are_not_decoded(monkeypatch):
    decoded = threading.Event()
    monkeypatch.setattr("sightline.prediction.serving.service.cores", lambda: 1)

    async def check():
        engine = slow()
        async with serving(engine) as (served, _):
            images = [Upload("damaged.png", b""), *[Upload("large.png", png())] * 50]
            with pytest.raises(DataError, match=r"damaged\.png"):
                await served.predict(images, engine)
            await until(lambda: served._decoding == 0)
            served._decoders.submit(decoded.set)
            await until(decoded.is_set)
            assert len(served._batcher._waiting) + sum(engine.session["batches"]) < 10

    asyncio.run(check())


def test_failure_of_a_batch_is_answered_and_the_next_one_is_predicted(caplog):
    async def check():
        engine = slow()
        engine.session["go"].set()
        async with serving(engine) as (_, client):
            failed = await infer(client, 13)
            assert (failed.status_code, "its log" in failed.json()["error"]) == (500, True)
            assert (await infer(client, 14)).status_code == 200
            assert (await client.get("/healthz")).status_code == 200

    asyncio.run(check())
    assert "it failed on purpose" in caplog.text


def test_server_is_not_healthy_without_its_batches():
    async def check():
        service = Service(slow(), Settings(), Metrics())
        transport = httpx.ASGITransport(app.build(service))
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            for path in ("/healthz", "/v2/health/ready"):
                assert (await client.get(path)).status_code == 503

    asyncio.run(check())


@pytest.mark.parametrize("wait", [0.0, 0.2])
def test_batch_waits_only_for_images_that_are_being_decoded(wait):
    async def check():
        engine = slow()
        engine.session["go"].set()
        async with serving(engine, max_wait=wait) as (service, client):
            service._decoding = 1
            task = infer(client, 1)
            await asyncio.sleep(0.05)
            other = infer(client, 2)
            await asyncio.gather(task, other)
            service._decoding = 0
        assert engine.session["batches"] == ([2] if wait else [1, 1])

    asyncio.run(check())
