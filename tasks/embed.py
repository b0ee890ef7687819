"""Stage between build and train: features of a backbone's frozen layers."""

from functools import partial

from sightline.config import DataConfig, EmbeddingConfig
from sightline.pipeline.ray_shards import RAY
from sightline.records import ArraySet, ModelBlueprint, Run
from sightline.tasks.base import stage_task
from sightline.tasks.progress import logged_progress
from sightline.tasks.shards import compute_elsewhere
from sightline.training.embed import EMBED, compute_here, embed_in_shards
from sightline.training.embed_on_ray import embed_on_ray
from sightline.training.embed_shard import EMBED_SHARD
from sightline.training.feature_shards import ComputeShards


@stage_task(EMBED, retries=2, timeout_seconds=24 * 3600, incidental="data")
def embed(
    run: Run,
    arrays: ArraySet,
    blueprint: ModelBlueprint,
    settings: EmbeddingConfig,
    data: DataConfig,
) -> ArraySet:
    """Compute the output of the frozen layers for each image; `data` says in which shards."""
    there = data.shard_deployment
    compute: ComputeShards = compute_here
    if there == RAY:
        compute = embed_on_ray
    elif there:
        compute = partial(compute_elsewhere, EMBED_SHARD, deployment=there)
    with logged_progress():
        return embed_in_shards(run, arrays, blueprint, settings, data.shard_images, compute)
