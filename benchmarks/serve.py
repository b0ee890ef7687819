"""Latency and throughput of `sightline serve`, next to bare ONNX Runtime in the same run.

Usage: python benchmarks/serve.py [--seconds 10]

The tutorial's network, untrained. Clients on loopback send one PNG of 28x28 a request, each the
next when it has its answer, over connections that stay open; they run in a process of their own and
share the cores. Bare ONNX Runtime predicts as many images at once as there are clients, from
memory, without HTTP; `decoded` also decodes the same PNG each time.
"""

import http.client
import io
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from harness import BIN, arguments, in_new_process, print_rows, scratch
from PIL import Image
from predict import export

CLIENTS = (1, 8, 64)
WARM_UP = 1.0  # Seconds
BOUNDARY = "image"
Figures = tuple[float, float, float, float]
"""p50 and p99 of the latency in ms, images/s, CPU time in ms an image."""


def picture() -> bytes:
    """Return a PNG of noise on black."""
    noise = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    noise[:6] = noise[22:] = 0
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "png")
    return file.getvalue()


def figures(seconds: list[float], images: int, total: float, cpu: float) -> Figures:
    """Return what the table shows of the latencies of requests, and of the CPU time of all."""
    p50, p99 = np.percentile(np.array(seconds) * 1000, [50, 99])
    return float(p50), float(p99), images / total, 1000 * cpu / images


def cpu_seconds(port: int) -> float:
    """Return the CPU time of the server so far."""
    metrics = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    found = re.search(r"^process_cpu_seconds_total (\S+)", metrics, re.MULTILINE)
    return float(found[1]) if found else float("nan")


@contextmanager
def server(model: Path) -> Iterator[int]:
    """Start the server; yield its port."""
    command = [f"{BIN}/sightline", "serve", f"--model={model}", "--port=0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None  # noqa: S101 - it is a pipe
            for line in process.stderr:
                if "answers at" in line:
                    yield int(line.partition("127.0.0.1:")[2].split()[0])
                    break
        finally:
            process.terminate()


def load(port: int, clients: int, seconds: float) -> Figures:
    """Send requests from so many clients for some seconds."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\n\r\n'
    body = head.encode() + picture() + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    before, started = cpu_seconds(port), time.perf_counter()

    def ask(_: int) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        found = []
        while (begun := time.perf_counter()) < started + seconds:
            connection.request("POST", "/predict", body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != http.HTTPStatus.OK:
                sys.exit(f"The server answered {answer.status}.")
            found.append(time.perf_counter() - begun)
        return found

    with ThreadPoolExecutor(clients) as pool:
        found = [one for each in pool.map(ask, range(clients)) for one in each]
    seconds = time.perf_counter() - started
    return figures(found, len(found), seconds, cpu_seconds(port) - before)


def bare(model: Path, images: int, seconds: float, *, decoded: bool) -> Figures:
    """Predict batches in this process."""
    from sightline.data.decoding.images import EncodedImage, decode_one
    from sightline.data.readers.base import Form
    from sightline.prediction.serving import engine
    from sightline.storage import digests

    session = engine.read(model, digests.sha256(model))
    (given,) = session.get_inputs()
    image, form = EncodedImage("a.png", picture()), Form((28, 28, 1), "stretch")
    pixels = np.stack([decode_one(image, form)[1]] * images)

    def once() -> None:
        batch = np.stack([decode_one(image, form)[1] for _ in pixels]) if decoded else pixels
        session.run(None, {given.name: batch})

    repeat(once, WARM_UP)
    before = time.process_time()
    found = repeat(once, seconds)
    return figures(found, images * len(found), sum(found), time.process_time() - before)


def repeat(once: Callable[[], None], seconds: float) -> list[float]:
    """Return the seconds of each call."""
    found = []
    end = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        once()
        found.append(time.perf_counter() - begun)
    return found


def rows(seconds: float) -> Iterator[tuple[str, ...]]:
    """Measure for each number of clients, in turn."""
    with scratch() as folder:
        in_new_process(export, folder)
        with server(folder / "model.keras") as port:
            in_new_process(load, port, max(CLIENTS), WARM_UP)
            for clients in CLIENTS:
                ours = in_new_process(load, port, clients, seconds)
                plain = in_new_process(both, folder / "model.onnx", clients, seconds)
                for name, found in zip(("serve", "decoded", "bare"), (ours, *plain), strict=True):
                    p50, p99, rate, cpu = found
                    yield str(clients), name, *(f"{one:.3g}" for one in (p50, p99, rate, cpu))


def both(model: Path, images: int, seconds: float) -> tuple[Figures, Figures]:
    """Measure ONNX Runtime without and with decoding."""
    decoded = bare(model, images, seconds / 2, decoded=True)
    return decoded, bare(model, images, seconds / 2, decoded=False)


if __name__ == "__main__":
    given = arguments(__doc__, seconds=10.0)
    head = ["clients", "what", "p50, ms", "p99, ms", "images/s", "CPU, ms/image"]
    print_rows(head, rows(given.seconds))
