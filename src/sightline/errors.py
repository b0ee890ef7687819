"""The exceptions that Sightline raises on purpose, and the exit code of each.

SightlineError
├── InputError             exit code 2: the user can fix it
│   ├── ConfigError        an unknown key, a value out of bounds, an invalid recipe
│   │   └── ArtifactsRootError  a worker has another artifacts root than the run
│   ├── DataError          a data set is missing, damaged or malformed
│   │   ├── ChangedDataError   a file changed while it was read
│   │   └── DownloadError  no mirror delivered the data set
│   │       └── NetworkError   a mirror did not respond; retrying may help
│   ├── ModelFileError     a model file is damaged, unsupported or unsafe
│   ├── DeviceError        the requested device is not available
│   ├── MemoryLimitError   the batch does not fit in memory
│   ├── ServerError        the configured Prefect API does not respond
│   ├── StorageError       the artifacts folder is full or not writable
│   │   └── BusyStorageError   the storage did not respond; retrying may help
│   ├── ChampionChangedError   the champion was replaced during the comparison
│   └── RunExistsError     the run id is already in use
└── RunError               exit code 1: the run failed
    ├── StageError         a stage stopped on an unexpected error
    │   └── DivergenceError    weights are no longer finite
    ├── KerasProcessError  the Keras process died or timed out
    ├── NodeLostError      another machine of a training died or did not come
    ├── StoppedError       somebody stopped it, such as a search a trial
    └── HandoverError      a training that a deployment ran did not succeed
        ├── HandoverLostError       its process died or stopped reporting; retrying may help
        └── HandoverCancelledError  somebody cancelled it

A message is one or two sentences: the path, row or key, what was expected, what was found and
what to do next.
"""


class SightlineError(Exception):
    """Base class of all errors that Sightline raises on purpose."""

    exit_code = 1


class InputError(SightlineError):
    """The user's input cannot be used."""

    exit_code = 2


class ConfigError(InputError):
    """A recipe, a config file or a `--set` value is invalid."""


class ArtifactsRootError(ConfigError):
    """A worker has another artifacts root than the run that it works for."""


class DataError(InputError):
    """A data set is missing, damaged or malformed."""


class ChangedDataError(DataError):
    """A file changed while it was read; what was made of it is not kept."""


class DownloadError(DataError):
    """No mirror delivered the data set."""


class NetworkError(DownloadError):
    """A mirror did not respond or the connection broke; retrying may help."""


class ModelFileError(InputError):
    """A model file is damaged, in an unsupported format or contains what Sightline never writes."""


class DeviceError(InputError):
    """The requested device is not available."""


class MemoryLimitError(InputError):
    """The batch does not fit in the memory of the machine or the GPU."""


class ServerError(InputError):
    """The configured Prefect API does not respond."""


class StorageError(InputError):
    """The artifacts folder is full or not writable."""


class BusyStorageError(StorageError):
    """The storage did not respond as expected; retrying may help."""


class ChampionChangedError(InputError):
    """The champion is no longer the version that the candidate was compared with."""


class RunExistsError(InputError):
    """A run with this id already exists."""


class RunError(SightlineError):
    """A run failed for a reason other than the user's input."""


class StageError(RunError):
    """A stage stopped on an unexpected error."""


class DivergenceError(StageError):
    """The weights or the optimizer's variables are no longer finite."""


class KerasProcessError(RunError):
    """The Keras process died or timed out."""


class NodeLostError(RunError):
    """Another machine of a training died or did not come."""


class StoppedError(RunError):
    """The result is no longer wanted; the process that computed it goes on with something else."""


class HandoverError(RunError):
    """A training that was handed over to a deployment did not succeed."""


class HandoverLostError(HandoverError):
    """The process of a training that was handed over died or stopped reporting."""


class HandoverCancelledError(HandoverError):
    """A training that was handed over was cancelled."""


def named(kind: str, message: str) -> SightlineError | None:
    """Return the error that another process reported; None if there is no class of this name."""
    found = globals().get(kind)
    if isinstance(found, type) and issubclass(found, SightlineError):
        return found(message)
    return None
