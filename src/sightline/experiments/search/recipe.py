"""The best trial of a search as a recipe."""

from pathlib import Path

from sightline.config import RunConfig, loading, template
from sightline.config.model import ARCHITECTURE
from sightline.experiments.search import space
from sightline.experiments.search.study import Study, folder
from sightline.experiments.search.trial import SearchTrial
from sightline.storage import files, sync
from sightline.storage.workspace import Workspace


def write(workspace: Workspace, study: Study, base: RunConfig, best: SearchTrial) -> Path:
    """Write the recipe of a trial to the folder of the study, and return its path."""
    config = space.apply(base, best.values)
    path = folder(workspace, study.name) / f"{base.recipe[:34]}-tuned{loading.SUFFIX}"
    with files.new_file(path) as temporary:
        temporary.write_text(render(study, config, best, path.name), encoding="utf-8")
    sync.push_file(workspace, path.relative_to(workspace.root).as_posix())
    return path


def render(study: Study, config: RunConfig, best: SearchTrial, name: str) -> str:
    """Return a recipe whose keys are those of a trial, with all others as comments."""
    values = config.model_dump(mode="json", exclude_defaults=True)
    values["model"][ARCHITECTURE] = config.model.architecture
    values["description"] = (
        f"Trial {best.number} of the search {study.name}: {study.setup.metric} {best.metric:.4f}."
    )
    return template.render(values, name)
