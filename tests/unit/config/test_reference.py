from pathlib import Path

from sightline.config import reference

PAGE = Path(__file__).parents[3] / "docs/config-reference.md"


def test_committed_reference_is_that_of_the_code():
    assert PAGE.read_text() == reference.render(), f"run {reference.COMMAND}"


def test_rows_have_all_that_is_known_of_a_key():
    page = reference.render()
    assert (
        "| `epochs` | integer ≥ 1, ≤ 10,000 | required | Number of passes over the training split, "
        "or over examples_per_epoch images. | `--set training.epochs=20` |" in page
    )
    assert '| `"auto"`, `"cpu"`, `"gpu"` | `"auto"` |' in page
    assert '## `model`, architecture = "backbone"' in page
