import sys

import pytest
from jinja2 import DictLoader, Environment

from sightline.reporting.compiled_templates import CompiledTemplates


@pytest.fixture
def compiled(tmp_path, monkeypatch):
    """Render a template; returns the text, and whether it was compiled for that."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)

    def render(source="{{ 1 + 1 }}", version="first"):
        sources = []
        cache = CompiledTemplates(tmp_path / "compiled", version)
        environment = Environment(
            loader=DictLoader({"page": source}), bytecode_cache=cache, autoescape=True
        )
        monkeypatch.setattr(
            environment,
            "_parse",
            lambda *of: sources.append(of) or Environment._parse(environment, *of),
        )
        return environment.get_template("page").render(), bool(sources)

    return render


def test_template_is_compiled_again_only_after_a_change(compiled):
    assert compiled() == ("2", True)
    assert compiled() == ("2", False)
    assert compiled(version="second") == ("2", True)
    assert compiled(source="{{ 3 }}", version="second") == ("3", True)


def test_damaged_file_is_replaced(compiled, tmp_path):
    compiled()
    (file,) = (tmp_path / "compiled").iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    assert compiled() == ("2", True)
    assert compiled() == ("2", False)


def test_folder_that_cannot_be_written_keeps_nothing(compiled, tmp_path):
    (tmp_path / "compiled").touch()
    assert compiled() == compiled() == ("2", True)


def test_nothing_is_kept_where_python_keeps_nothing(compiled, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert compiled() == ("2", True)
    assert not (tmp_path / "compiled").exists()
