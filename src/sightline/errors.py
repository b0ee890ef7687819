"""The errors that Sightline raises on purpose, and the exit code each ends with.

SightlineError
├── InputError             exit code 2: the user can mend it
│   ├── ConfigError        an unknown key, a value out of bounds, a bad recipe
│   ├── DataError          a data set that is missing, damaged or malformed
│   │   └── DownloadError  no mirror delivered the data set
│   │       └── NetworkError   a mirror did not answer; another try may work
│   ├── ModelFileError     a model file that is damaged, foreign or unsafe
│   ├── DeviceError        the demanded device is not there
│   ├── MemoryLimitError   the machine or the GPU has too little memory for the batch
│   ├── ServerError        the configured Prefect API does not answer
│   ├── StorageError       the artifacts root has no room or cannot be written
│   │   └── BusyStorageError   storage did not answer; another try may work
│   ├── ChampionChangedError   another version is the champion by now
│   └── RunExistsError     the run id is taken
└── RunError               exit code 1: the run failed
    ├── StageError         a stage stopped on an error that nobody foresaw
    │   └── DivergenceError    weights are no longer finite
    ├── KerasProcessError  the Keras process died or did not answer in time
    └── HandoverError      a training that was handed to a deployment did not succeed
        └── HandoverLostError  its process died or was not heard of; another try may work

A message is one sentence or two that name the subject (path, row, key), what was
expected, what was found and what to do next.
"""


class SightlineError(Exception):
    """Base of all errors raised on purpose."""

    exit_code = 1


class InputError(SightlineError):
    """Something that the user gave cannot be used."""

    exit_code = 2


class ConfigError(InputError):
    """A recipe, a config file or a `--set` value is wrong."""


class DataError(InputError):
    """A data set is missing, damaged or malformed."""


class DownloadError(DataError):
    """No mirror delivered the data set."""


class NetworkError(DownloadError):
    """A mirror did not answer or broke off; another try may work."""


class ModelFileError(InputError):
    """A model file is damaged, of another format, or holds what Sightline does not write."""


class DeviceError(InputError):
    """The device that the config demands is not available."""


class MemoryLimitError(InputError):
    """The machine or the GPU has too little memory for the batch."""


class ServerError(InputError):
    """The configured Prefect API does not answer."""


class StorageError(InputError):
    """The artifacts root has no room or cannot be written."""


class BusyStorageError(StorageError):
    """Storage did not answer as it should; another try may work."""


class ChampionChangedError(InputError):
    """The champion is another version than the one that a candidate was compared with."""


class RunExistsError(InputError):
    """A run of this id is already there."""


class RunError(SightlineError):
    """A run failed for a reason that lies outside the user's input."""


class StageError(RunError):
    """A stage stopped on an error that nobody foresaw."""


class DivergenceError(StageError):
    """Weights or an optimizer's variables are no longer finite."""


class KerasProcessError(RunError):
    """The Keras process died or did not answer in time."""


class HandoverError(RunError):
    """A training that was handed to a deployment did not succeed."""


class HandoverLostError(HandoverError):
    """A training that was handed over died or was not heard of; another try may work."""
