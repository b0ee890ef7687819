"""The program of a local process that runs trials, one after the other.

Started by `sightline.flows.trials.local` with its share of the cores, 0 for all. Each request is a
trial with its number; answers, which have the number too, are its epochs, then its result or its
error. A request to stop a trial leaves the process and its Keras process alive. It ends with its
parent, and a training then writes a checkpoint.
"""

import os
import queue
import sys

from sightline.errors import SightlineError, StoppedError
from sightline.flows.cli.signals import graceful_sigterm
from sightline.flows.server import api
from sightline.flows.trials.trial import Epoch, Trial
from sightline.pipeline import child
from sightline.pipeline.child import Message
from sightline.pipeline.process import STOPPING_SECONDS, keras_process
from sightline.pipeline.progress import listening


def main(share: int, descriptor: int) -> None:
    """Run the trials that the parent sends."""
    keras_process().share = share or None
    requests: queue.Queue[Message] = queue.Queue()
    stopped: set[int] = set()

    def take(message: Message) -> None:
        if "stop" in message:
            stopped.add(message["stop"])
        else:
            requests.put(message)

    child.end_with_parent(STOPPING_SECONDS + 5, take)
    api.configure(verbose=False)
    with graceful_sigterm():
        while True:
            request = requests.get()
            number = request["number"]

            def check(_: object, number: int = number) -> None:
                if number in stopped:
                    raise StoppedError("The search stopped this trial: others are better.")

            with listening(check):
                answer = _run(request, descriptor)
            child.answer(descriptor, {"number": number, **answer})


def _run(request: Message, descriptor: int) -> Message:
    from sightline.flows.trials.flow import trial_flow  # imports Prefect
    from sightline.tasks import flow_runs

    trial = Trial.model_validate(request["trial"])
    run = trial.run.model_copy(update={"mirror": os.environ.get("SIGHTLINE_MIRROR")})

    def report(epoch: Epoch) -> None:
        child.answer(descriptor, {"number": request["number"], "epoch": epoch.model_dump()})

    try:
        flow_runs.ask(flow_runs.greet)  # else a flow ends at once while the server is away
        result = trial_flow(trial.model_copy(update={"run": run}), report)
    except Exception as error:
        kind = type(error).__name__
        known = isinstance(error, SightlineError)
        return {"error": {"kind": kind, "message": str(error) if known else repr(error)}}
    return {"result": result.model_dump()}


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
