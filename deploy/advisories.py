"""Runs pip-audit without network, against an archive of advisories that was brought here.

Usage: python deploy/advisories.py ARCHIVE pip-audit [OPTION ...]

ARCHIVE is OSV's export for Python packages, a ZIP of one JSON file an advisory. It is served on
loopback in OSV's own protocol, pip-audit is pointed there, and its exit code is passed on.
"""

import json
import subprocess
import sys
import threading
import zipfile
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

Advisory = dict[str, Any]
Advisories = dict[str, list[Advisory]]


def main(archive: str, *command: str) -> int:
    """Serve the archive while pip-audit runs; return its exit code."""
    advisories = read(Path(archive))
    sys.stderr.write(f"{sum(map(len, advisories.values())):,} advisories in {archive}\n")
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(advisories)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/v1/query"
        options = ["--vulnerability-service", "osv", "--osv-url", address]
        done = subprocess.run([*command, *options], check=False)
        server.shutdown()
    return done.returncode


def read(archive: Path) -> Advisories:
    """Read an archive: package name, in its canonical form, to the advisories that name it."""
    found: Advisories = defaultdict(list)
    with zipfile.ZipFile(archive) as stored:
        for name in stored.namelist():
            advisory = json.loads(stored.read(name))
            packages = {part["package"]["name"] for part in advisory.get("affected", ())}
            for package in {canonicalize_name(package) for package in packages}:
                found[package].append(advisory)
    return found


def matching(advisories: Advisories, package: str, version: str) -> list[Advisory]:
    """Return the advisories that hold for one version of a package."""
    name, wanted = canonicalize_name(package), Version(version)
    return [
        advisory
        for advisory in advisories.get(name, ())
        if any(
            canonicalize_name(part["package"]["name"]) == name and _holds_for(part, wanted)
            for part in advisory["affected"]
        )
    ]


def _holds_for(part: dict[str, Any], version: Version) -> bool:
    listed = {found for text in part.get("versions", ()) if (found := _version(text))}
    ranges = (one["events"] for one in part.get("ranges", ()) if one["type"] == "ECOSYSTEM")
    return version in listed or any(_lies_within(events, version) for events in ranges)


def _lies_within(events: list[dict[str, str]], version: Version) -> bool:
    """Walk the events up to a version; the last one before it counts."""
    within = False
    steps = [(_version(text), kind) for event in events for kind, text in event.items()]
    for at, kind in sorted((at, kind) for at, kind in steps if at is not None):
        if kind == "introduced" and at <= version:
            within = True
        elif (kind == "fixed" and at <= version) or (kind == "last_affected" and at < version):
            within = False
    return within


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _handler(advisories: Advisories) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = matching(advisories, asked["package"]["name"], asked["version"])
            body = json.dumps({"vulns": found} if found else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
