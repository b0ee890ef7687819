"""The peak of memory of an upload, on an S3 server that is slower than the client."""

import subprocess
import sys

PROGRAM = r"""
import pathlib, re, sys
from sightline.storage import transfer
from sightline.storage.object_store import PART, ObjectStore

def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) >> 10

store = ObjectStore(sys.argv[1])
sizes = {"large-1": 6 * PART, "large-2": 6 * PART} | {f"small-{n}": PART for n in range(5)}
paths = {name: pathlib.Path(sys.argv[2], name) for name in sizes}
for name, path in paths.items():
    with path.open("wb") as file:
        file.truncate(sizes[name])
store.write("first", b"")
before = peak()
transfer.push(store, paths)
assert sorted(one.bytes for one in store.list("")) == sorted([0, *sizes.values()])
print(peak() - before)
"""


def test_upload_holds_at_most_some_parts_in_memory(s3, tmp_path):
    s3.add("slow", "", method="PUT", times=1_000, seconds=0.2)
    command = [sys.executable, "-c", PROGRAM, s3.new_bucket(), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 80, "MiB; 136 MiB are uploaded"
