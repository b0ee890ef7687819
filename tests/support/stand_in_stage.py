"""Functions for the Keras process to run in tests; found through PYTHONPATH."""

import gc
import os
import sys
import time

from sightline.config import TrainingConfig
from sightline.pipeline.progress import Progress, emit
from sightline.records import DeviceReport


def sleep(settings: TrainingConfig) -> DeviceReport:
    emit(Progress(stage="sleep", done=1))
    time.sleep(600)
    raise AssertionError("slept to the end")


def fail(settings: TrainingConfig) -> DeviceReport:
    raise ZeroDivisionError("by hand")


def report_progress(settings: TrainingConfig) -> DeviceReport:
    for done in range(3):
        emit(Progress(stage="count", done=done, total=3, facts={"loss": 0.5}))
    os.write(1, b"noise on standard output\n")
    return DeviceReport(device=str(os.getpid()), environment={})


def work_for_ever(settings: TrainingConfig) -> DeviceReport:
    while True:
        emit(Progress(stage="work", done=1))
        time.sleep(0.01)


def die_of_a_lost_node(settings: TrainingConfig) -> DeviceReport:
    os.write(2, b"F0000 JAX distributed service detected fatal errors. This most likely\n")
    os.abort()


def die(settings: TrainingConfig) -> DeviceReport:
    os.write(2, b"last words\n")
    os._exit(3)


def report_libraries(settings: TrainingConfig) -> DeviceReport:
    """Report which large libraries are imported, then import those that were hidden."""
    found = sorted({"keras", "matplotlib", "sklearn"} & set(sys.modules))
    collects = gc.isenabled()
    __import__("matplotlib")
    __import__("sklearn")
    return DeviceReport(device=f"{found} {collects}", environment={})
