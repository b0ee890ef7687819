"""`import sightline` is fast, and what it offers looks like an ordinary module."""

import sys

import pytest

import sightline
from command import execute
from sightline import api, errors

HEAVY = ("keras", "tensorflow", "pandas", "numpy", "pydantic", "typer", "prefect")


def loaded(program):
    """Run a program and return the heavy libraries that it loaded."""
    shown = f"{program}\nimport sys\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    done = execute(sys.executable, "-c", shown)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_import_loads_no_library_and_the_functions_load_neither_keras_nor_prefect():
    assert loaded("import sightline; dir(sightline)") == set()
    assert loaded("from sightline import Run, load, train") == {"numpy", "pydantic"}


def test_public_names_are_those_of_the_api():
    assert dir(sightline) == sorted(sightline.__all__)
    others = {name: getattr(sightline, name) for name in sightline.__all__ if name != "errors"}
    assert others == {name: getattr(api, name) for name in others}
    assert sightline.errors is errors


def test_unknown_name_is_an_ordinary_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'sightline' has no attribute 'fit'"):
        sightline.fit  # noqa: B018 - the access is what is tested
