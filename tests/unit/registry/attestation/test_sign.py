import base64
import json

import pytest

from runs_to_promote import digest, promote
from sightline import registry
from sightline.errors import InputError
from sightline.storage import digests

ENVELOPE = "models/mnist/attestations/1.intoto.json"


def test_statement_describes_files_build_and_promotion(workspace, key):
    version = promote(workspace.root, "run-1")
    envelope = json.loads(workspace.path(ENVELOPE).read_bytes())
    statement = json.loads(base64.b64decode(envelope["payload"]))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    subjects = {found["name"]: found["digest"]["sha256"] for found in statement["subject"]}
    folder = workspace.path(version.folder)
    there = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    assert subjects == {name: digests.sha256(path) for name, path in there.items()}
    predicate = statement["predicate"]
    definition = predicate["buildDefinition"]
    assert definition["externalParameters"]["config"]["recipe"] == "tutorial"
    assert definition["internalParameters"]["training"] == {"backend": "tensorflow"}
    dependencies = {d["name"]: d["digest"]["sha256"] for d in definition["resolvedDependencies"]}
    assert dependencies == {
        "data": digest("source"),
        "holdout": version.holdout_sha256,
        "code": digest("code"),
        "base.lock": digest("lock"),
    }
    times = {"startedOn": "2026-11-24T01:01:03Z", "finishedOn": "2026-11-24T01:02:03Z"}
    assert predicate["runDetails"]["metadata"] == {"invocationId": "run-1", **times}
    promotion = predicate["sightline_promotion"]
    assert (promotion["version"], promotion["reason"]) == ("mnist-v1", "better")
    assert promotion["decision"]["promote"] is True


def test_envelope_can_be_verified_by_other_tools(workspace, key):
    """Verify it by the DSSE protocol alone, without the library that signed it."""
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    promote(workspace.root, "run-1")
    found = json.loads(workspace.path(ENVELOPE).read_bytes())
    assert found["payloadType"] == "application/vnd.in-toto+json"
    kind, payload = found["payloadType"].encode(), base64.b64decode(found["payload"])
    (signature,) = found["signatures"]
    trusted = load_pem_public_key(key.with_name("signing.pem.pub").read_bytes())
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    trusted.verify(base64.b64decode(signature["sig"]), signed)


def test_unsigned_champion_is_signed_when_promoted_again(workspace, key):
    version = promote(workspace.root, "run-1")
    envelope = workspace.path(ENVELOPE)
    before = envelope.read_bytes()
    envelope.unlink()
    promote(workspace.root, "run-1")
    assert envelope.read_bytes() == before
    envelope.unlink()
    (workspace.path(version.folder) / "model.keras").write_bytes(b"another model")
    with pytest.raises(InputError, match=r"model\.keras"):
        registry.promote(workspace, version, "once more", None, version.name, forced=True)
    assert not workspace.path(ENVELOPE).exists()
