from pathlib import Path

from sightline.config import reference

PAGE = Path(__file__).parents[3] / "docs/config-reference.md"


def test_committed_reference_is_that_of_the_code():
    assert PAGE.read_text() == reference.render(), f"run {reference.COMMAND}"


def test_entry_has_all_that_is_known_of_a_key():
    page = reference.render()
    assert (
        "### `training.epochs`\n\nNumber of passes over the training split, or over "
        "examples_per_epoch images.\n\nValues: integer ≥ 1, ≤ 10,000. Default: none, required. "
        "Example: `--set training.epochs=20`\n" in page
    )
    assert 'Values: `"auto"`, `"cpu"`, `"gpu"`. Default: `"auto"`.' in page
    assert '## Section model: architecture "backbone"' in page
