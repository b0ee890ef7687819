import json
import re
import zipfile

from command import ROOT, execute


def advisory(package, *events, **more):
    affected = {
        "package": {"name": package, "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{kind: at} for kind, at in events]}],
    }
    return {"summary": "invented", "affected": [{**affected, **more.pop("affected", {})}], **more}


def locked(package):
    text = "".join(path.read_text() for path in (ROOT / "deploy" / "locks").glob("*.lock"))
    found = re.search(rf"^{package}==(\S+)", text, re.MULTILINE)
    assert found, package
    return found[1]


def test_audit_finds_the_vulnerabilities_of_locked_packages_and_nothing_else(tmp_path):
    """`make audit`, offline, against invented advisories."""
    here, before = ("introduced", "0"), ("introduced", "0.0.1")
    advisories = {
        "VULNERABLE-ALL": advisory("Jinja2", here),
        "VULNERABLE-LAST": advisory("numpy", before, ("last_affected", locked("numpy"))),
        "VULNERABLE-LISTED": advisory("pillow", affected={"versions": [locked("pillow")]}),
        "VULNERABLE-ONE-IMAGE": advisory("nvidia_cudnn.cu12", here),
        "VULNERABLE-AGAIN": advisory(
            "httpx", here, ("fixed", "0.0.2"), ("introduced", locked("httpx")), ("fixed", "9999")
        ),
        "FIXED": advisory("keras", before, ("fixed", locked("keras"))),
        "LATER": advisory("prefect", ("introduced", "9999")),
        "WITHDRAWN": advisory("typer", here, withdrawn="2026-01-01T00:00:00Z"),
        "ELSEWHERE": advisory("no-such-package", here),
    }
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in advisories.items():
            file.writestr(f"{name}.json", json.dumps({"id": name, **content}))
    # Treat the installed environment as up to date: nothing is set up here.
    make = ("make", "--silent", "--old-file=.venv/installed-dev")
    done = execute(*make, "audit", f"ADVISORIES={archive}", cwd=ROOT)
    assert done.returncode, done.stderr
    assert "Found 5 known vulnerabilities in 5 packages" in done.stderr
    found = {name for name in advisories if name in done.stdout}
    assert found == {name for name in advisories if name.startswith("VULNERABLE")}
