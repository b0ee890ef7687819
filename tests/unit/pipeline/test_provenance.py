import ast
import hashlib
import sys
from pathlib import Path

import pytest

from command import execute
from sightline.pipeline import provenance


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of three modules: stage imports shared inside a function; other stands alone."""
    (tmp_path / "pages").mkdir()
    for name, content in {
        "stage.py": "def f():\n    from sightline import shared\n    return shared\n",
        "shared.py": "X = 1\n",
        "other.py": "Y = 1\n",
        "pages/__init__.py": "import sightline.shared\n",
        "pages/page.html.j2": "<p>\n",
    }.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(provenance, "_FOLDER", tmp_path)
    yield tmp_path
    provenance.code_digest.cache_clear()
    provenance._source_of.cache_clear()


def digest(module):
    provenance.code_digest.cache_clear()
    provenance._source_of.cache_clear()
    return provenance.code_digest(f"sightline.{module}")


@pytest.mark.parametrize(
    ("module", "changed", "matters"),
    [
        ("stage", "stage.py", True),
        ("stage", "shared.py", True),
        ("stage", "other.py", False),
        ("pages", "pages/page.html.j2", False),
        ("pages", "shared.py", True),
        ("pages", "stage.py", False),
    ],
)
def test_code_digest_follows_just_what_a_module_uses(package, module, changed, matters):
    before = digest(module)
    with (package / changed).open("a") as file:
        file.write("# changed\n")
    assert (digest(module) != before) is matters


def imported(source):
    """The names below Sightline that a source imports, by its syntax tree."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def test_imports_that_the_text_shows_are_those_of_the_syntax_tree():
    sources = [path.read_text("utf-8") for path in provenance._FOLDER.rglob("*.py")]
    assert len(sources) > 300
    for source in sources:
        below = {name for name in imported(source) if name.split(".")[0] == "sightline"}
        assert provenance._imports(source) == below


def test_package_digest_leaves_out_flows_and_tasks(package):
    before = provenance.package_digest()
    for name in ("flows", "tasks"):
        (package / name).mkdir()
        (package / name / "train.py").touch()
    assert provenance.package_digest() == before
    (package / "pages" / "page.html.j2").write_text("<q>\n")
    assert provenance.package_digest() != before


def test_training_depends_on_shared_modules_but_not_on_the_report():
    sources: dict[str, str] = {}
    provenance._collect("sightline.training.train", sources)
    expected = {"training.train", "training.fit", "storage.npy", "models.keras_files"}
    assert {f"sightline.{name}" for name in expected} <= set(sources)
    assert "sightline.pipeline.process" not in sources
    assert not any("report" in name or "figures" in name for name in sources)


def test_versions_leave_out_what_is_not_installed():
    assert list(provenance.versions("numpy", "no-such-distribution")) == ["numpy"]


def test_without_a_lock_file_the_list_of_installed_packages_is_digested(monkeypatch):
    assert "packages" not in provenance.environment()
    monkeypatch.setattr(provenance, "_FOLDER", Path("/usr/lib/python3/site-packages/sightline"))
    pip = [sys.executable, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"]
    lines = execute(*pip).stdout.splitlines(keepends=True)
    digest = hashlib.sha256("".join(sorted(set(lines))).encode()).hexdigest()
    assert provenance.environment()["packages"] == {"count": len(set(lines)), "sha256": digest}


def test_environment_holds_no_other_variables(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    environment = provenance.environment()
    assert environment["variables"]["OMP_NUM_THREADS"] == "2"
    assert "hunter2" not in str(environment)
