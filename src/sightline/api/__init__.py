"""What Python code and notebooks use; `import sightline` offers these names."""

from sightline.api import datasets
from sightline.api.listing import load, runs
from sightline.api.run import Run
from sightline.api.search import Search
from sightline.api.training import train
from sightline.api.tuning import tune
