"""A Prefect server with workers on loopback, started and stopped as a user would."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import httpx

from command import BIN, ROOT, Completed, execute
from processes import answers, command_line, descendants, free_port, wait_for

FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
Json = dict[str, Any]


class Stack:
    """One server; workers are started on demand and stopped with it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.port = free_port()
        self.ui = f"http://127.0.0.1:{self.port}"
        self.artifacts = folder / "artifacts"
        self.logs = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        self.environment = {
            **environment,
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": f"{self.ui}/api",
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
            "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "15",
            "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "3",
            "PREFECT_SERVER_EVENTS_EXPIRED_BUCKET_BUFFER": "PT2S",
            "PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": "PT1S",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "SIGHTLINE_ARTIFACTS": str(self.artifacts),
            "SIGHTLINE_GPU": "optional",
            "CUDA_VISIBLE_DEVICES": "-1",
        }
        password = self.environment.get("PREFECT_API_AUTH_STRING")
        self.client = httpx.Client(
            base_url=f"{self.ui}/api",
            timeout=90,  # SQLite waits for a lock for 60
            auth=httpx.BasicAuth(*password.split(":")) if password else None,
        )
        self.artifacts.mkdir(parents=True)
        self.start_server()

    def start_server(self) -> None:
        self.server = self._spawn("server", "server", f"PORT={self.port}")

        def is_ready() -> bool:
            assert self.server.poll() is None, self.tail()
            return answers(f"{self.ui}/api")

        wait_for("the server answers", is_ready)

    def start_worker(self, pool: str) -> subprocess.Popen[bytes]:
        worker = self._spawn(f"worker-{pool}-{len(self.workers)}", "worker", f"POOL={pool}")
        self.workers.append(worker)

        def is_online() -> bool:
            workers = self.post(f"/work_pools/{pool}/workers/filter", {})
            return any(worker["status"] == "ONLINE" for worker in workers)

        wait_for("the worker is online", is_online)
        return worker

    def processes(self, program: str) -> list[int]:
        """List the processes below the workers whose command line contains a program."""
        below = [pid for worker in self.workers for pid in descendants(worker.pid)]
        return [pid for pid in below if program in command_line(pid)]

    def flow_process(self) -> int:
        """Return the process of the newest flow run."""
        return int(wait_for("a flow runs", lambda: self.processes("prefect.engine"))[-1])

    def keras_processes(self) -> list[int]:
        return self.processes("sightline.pipeline.worker")

    def begin(self, data: Path, epochs: int, deployment: str) -> str:
        """Start a run and return its ID after an epoch of its own or of its fit."""
        flow_run = self.start(
            "train/train-manual", dataset=str(data), epochs=epochs, deployment=deployment
        )

        def trains() -> bool:
            assert self.run(flow_run)["state"]["type"] not in FINAL, self.tail()
            runs = [flow_run, *(fit["id"] for fit in self.fits_of(flow_run))]
            # Any epoch: a training may resume from the checkpoint of a killed one.
            return any(re.search(r"^Epoch \d+ of", self.log(one), re.MULTILINE) for one in runs)

        wait_for("the run trains", trains)
        return flow_run

    def close(self) -> None:
        for worker in self.workers:  # before the server, so that they can sign off
            end(worker)
        end(self.server)
        self.client.close()

    def _spawn(self, name: str, *target: str) -> subprocess.Popen[bytes]:
        environment = dict(self.environment)
        if target[0] == "server":  # which gets its address from its options
            del environment["PREFECT_API_URL"]
        with (self.logs / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                ["make", *target],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                # A shell lets what it starts in the background ignore Ctrl-C; that is inherited.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
            )

    def sightline(self, *arguments: str, **changes: str) -> Completed:
        return self.execute(BIN / "sightline", *arguments, **changes)

    def execute(self, *command: object, **changes: str) -> Completed:
        environment = {**self.environment, **changes}
        return execute(*command, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL)

    def post(self, path: str, body: Any) -> Any:
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request; retry while the SQLite database of the server is locked (status 503).

        The server may wait for the lock longer than the client for an answer: repeat reads.
        """
        reads = method == "GET" or path.endswith("/filter")

        def answered() -> httpx.Response | None:
            try:
                answer = self.client.request(method, path, json=body)
            except httpx.ReadTimeout:
                if not reads:
                    raise
                return None
            return None if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else answer

        answer: httpx.Response = wait_for(f"{method} {path} is answered", answered)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def deployment(self, name: str) -> Json:
        return cast(Json, self._ask("GET", f"/deployments/name/{name}"))

    def start(self, deployment: str, /, *tags: str, **parameters: object) -> str:
        """Start a deployment and return the ID of the flow run; trainings take a fixed recipe."""
        if deployment.startswith("train/"):
            parameters = {"recipe": "tutorial", **parameters}
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}, "tags": tags}
        path = f"/deployments/{self.deployment(deployment)['id']}/create_flow_run"
        return str(self.post(path, body)["id"])

    def cancel(self, flow_run: str) -> None:
        """Cancel a flow run as the button in the UI does."""
        self.set_state(flow_run, "Cancelling")

    def suspend(self, flow_run: str) -> None:
        """Suspend a flow run as the button in the UI does."""
        self.set_state(flow_run, "Suspended", "PAUSED", pause_reschedule=True)

    def set_state(self, flow_run: str, name: str, kind: str = "", **details: object) -> None:
        """Propose a state, whose type is its name in capitals by default."""
        state = {"type": kind or name.upper(), "name": name, "state_details": details}
        self.post(f"/flow_runs/{flow_run}/set_state", {"state": state})

    def run(self, flow_run: str) -> Json:
        return cast(Json, self._ask("GET", f"/flow_runs/{flow_run}"))

    def state(self, flow_run: str) -> str:
        return str(self.run(flow_run)["state"]["name"])

    def finish(self, flow_run: str) -> Json:
        """Wait for the end of a flow run."""

        def ended() -> Json | None:
            found = self.run(flow_run)
            return found if found["state"]["type"] in FINAL else None

        try:
            return cast(Json, wait_for(f"flow run {flow_run} ends", ended, 300))
        except AssertionError:
            sys.stderr.write(self.tail())
            raise

    def complete(self, deployment: str, /, **parameters: object) -> Json:
        """Start a deployment, wait for its end and check that it completed."""
        found = self.finish(self.start(deployment, **parameters))
        assert found["state"]["name"] == "Completed", self.tail()
        return found

    def runs_of(self, deployment: str) -> list[Json]:
        wanted = {"deployments": {"id": {"any_": [self.deployment(deployment)["id"]]}}}
        return cast(list[Json], self.post("/flow_runs/filter", wanted))

    def scheduled_runs_of(self, deployment: str) -> list[Json]:
        return [run for run in self.runs_of(deployment) if run["auto_scheduled"]]

    def fits_of(self, flow_run: str) -> list[Json]:
        """List the runs of fit/fit-gpu that a flow run started, oldest first."""
        tasks = self.post("/task_runs/filter", {"flow_runs": {"id": {"any_": [flow_run]}}})
        wanted = {"flow_runs": {"parent_task_run_id": {"any_": [task["id"] for task in tasks]}}}
        found: list[Json] = self.post("/flow_runs/filter", wanted) if tasks else []
        return sorted(found, key=lambda item: str(item["created"]))

    def artifacts_of(self, flow_run: str, dataset: str = "textures") -> dict[str, Json]:
        """Read the artifacts of a flow run, by their keys without the data set."""
        wanted = {"artifacts": {"flow_run_id": {"any_": [flow_run]}}}
        found = self.post("/artifacts/filter", wanted)
        return {item["key"].removesuffix(f"-{dataset}"): item for item in found}

    def stage_times(self, flow_run: str) -> list[Json]:
        """Read the table of stages: rows with `stage` and `cached`, in order."""
        return cast(list[Json], json.loads(self.artifacts_of(flow_run)["stage-times"]["data"]))

    def log(self, flow_run: str) -> str:
        wanted = {"logs": {"flow_run_id": {"any_": [flow_run]}}, "sort": "TIMESTAMP_ASC"}
        return "\n".join(item["message"] for item in self.post("/logs/filter", wanted))

    def tail(self) -> str:
        """Return the ends of all logs, for a failed test."""
        logs = self.logs.glob("*.log")
        return "".join(f"--- {path.name}\n{path.read_text()[-3000:]}\n" for path in logs)


def end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a process group as Ctrl-C does, and kill it after a minute."""
    _signal(process.pid, signal.SIGINT)
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        _signal(process.pid, signal.SIGKILL)
        process.wait()
    wait_for("its descendants end", lambda: not _signal(process.pid, 0))


def _signal(group: int, number: int) -> bool:
    """Send a signal to a process group; return whether the group exists."""
    with suppress(ProcessLookupError):
        os.killpg(group, number)
        return True
    return False
