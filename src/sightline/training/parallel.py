"""Several devices that share each batch of a training. Runs in the Keras process.

TensorFlow's MirroredStrategy computes a replica of the model on each device. Keras' DataParallel
on JAX computes one model whose batches lie on all devices, of one machine or of several.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import keras

from sightline.config import TrainingConfig
from sightline.errors import ConfigError, DeviceError
from sightline.training.epoch_plan import Shares
from sightline.training.nodes import nodes

_REPLICA_SEEDS = 1_000_003  # Between the seeds of replicas; other layers' seeds are close together


def count(settings: TrainingConfig, device: Literal["cpu", "gpu"]) -> int:
    """Return the number of devices of a training, on all nodes.

    Raises DeviceError if there are fewer than wanted, and ConfigError if a batch cannot be shared.
    """
    if settings.devices == 1:
        return 1
    place = nodes()
    here = available(device)
    wanted = here * place.count if settings.devices == "all" else settings.devices
    if wanted % place.count:
        raise ConfigError(
            f"training.devices is {wanted}, the devices of all nodes together; expected a multiple "
            f'of the {place.count} nodes, or "all".'
        )
    if wanted > here * place.count:
        each = f" ({wanted // place.count} on each of {place.count} nodes)" * (place.count > 1)
        raise DeviceError(
            f"training.devices is {wanted}{each}, but the backend {keras.backend.backend()} finds "
            f'{here} of the kind "{device}" on this machine; set it to {here * place.count} or '
            '"all".'
        )
    if settings.batch_size % wanted:
        raise ConfigError(
            f"training.batch_size is {settings.batch_size}, which {wanted} devices cannot share "
            f"equally; set it to a multiple of {wanted}."
        )
    return wanted


def shares(devices: int) -> Shares:
    """Return how batches are divided among devices."""
    place = nodes()
    if devices == 1:
        return Shares()
    if keras.backend.backend() == "tensorflow":
        return Shares(devices, mixed_apart=devices)
    return Shares(devices, node=place.rank, nodes=place.count)


def available(device: Literal["cpu", "gpu"]) -> int:
    """Return how many devices of a kind the backend can use on this machine."""
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            return len(tf.config.list_logical_devices(device.upper()))
        case "jax":
            import jax

            return len(jax.local_devices(backend=device))
        case _:
            return 1


@contextmanager
def computing_on(device: Literal["cpu", "gpu"], devices: int) -> Iterator[None]:
    """Compute on so many devices within the block, in which the model must be made and trained."""
    keras.backend.clear_session()  # would end what the block begins
    if devices == 1:
        with keras.device(f"{device}:0"):
            yield
    elif keras.backend.backend() == "tensorflow":
        with _strategy(device, devices).scope(), _seeds_by_replica():
            yield
    else:
        with _distribution(device, devices // nodes().count).scope():
            yield


@contextmanager
def normalizing_whole_batches(model: keras.Model, devices: int) -> Iterator[None]:
    """Let batch normalization use the statistics of all replicas within the block.

    MirroredStrategy would normalize the part of each replica alone; JAX sees the whole batch.
    """
    mirrored = devices > 1 and keras.backend.backend() == "tensorflow"
    chosen = list(_normalizations(model)) if mirrored else []
    for layer in chosen:
        layer.synchronized = True
    try:
        yield
    finally:
        for layer in chosen:
            layer.synchronized = False


def _normalizations(model: keras.Model) -> Iterator[keras.layers.Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _normalizations(layer)
        elif isinstance(layer, keras.layers.BatchNormalization) and not layer.synchronized:
            yield layer


@contextmanager
def _seeds_by_replica() -> Iterator[None]:
    """Let each replica draw its own numbers for dropout and augmentation within the block.

    All replicas have the same state of a seed generator, so Keras would change the first image of
    each part in the same way.
    """
    import tensorflow as tf

    generator, original = keras.random.SeedGenerator, keras.random.SeedGenerator.next

    def next_of_replica(self: Any, ordered: bool = True) -> Any:
        seed, context = original(self, ordered), tf.distribute.get_replica_context()
        number = context.replica_id_in_sync_group if context else 0
        return seed + keras.ops.cast([number * _REPLICA_SEEDS, 0], seed.dtype)

    generator.next = next_of_replica
    try:
        yield
    finally:
        generator.next = original


@functools.cache  # a second one in a process would reuse the keys of its messages
def _strategy(device: Literal["cpu", "gpu"], devices: int) -> Any:
    import tensorflow as tf

    chosen = tf.config.list_logical_devices(device.upper())[:devices]
    return tf.distribute.MirroredStrategy([one.name for one in chosen])


def _distribution(device: Literal["cpu", "gpu"], devices_of_node: int) -> Any:
    import jax

    by_node: dict[int, list[str]] = {}
    for one in jax.devices(device):
        by_node.setdefault(one.process_index, []).append(f"{one.platform}:{one.id}")
    chosen = [name for rank in sorted(by_node) for name in by_node[rank][:devices_of_node]]
    return keras.distribution.DataParallel(devices=chosen, auto_shard_dataset=False)
