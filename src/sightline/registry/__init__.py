"""The model store: immutable versions, and an audit log that says which one is in use.

`models/<dataset>/` under the artifacts root holds

    versions/<number>/    a version: version.json, model.keras, the manifest.json of its run and,
                          where it was exported, exports/ and certificate.json
    audit/<6 digits>.json what was done with them, by whom and why: one sealed file an event
    last_event.json       the last event's digest: that its file was removed is noticed, too
    attestations/         signed provenance of promoted versions (`sightline.attestation`)

Each event holds the digest of the event before it, so that one that was changed, removed or put
in is noticed, and the digest of its version's `version.json`, which holds those of all its
files. Which version is the champion and which the candidate follows from the events alone:
a change is one new file, so it is there or it is not.
"""

from sightline.registry.aliases import (
    ALIASES,
    Aliases,
    aliases,
    champion,
    find,
    is_name,
    resolve,
    run_of,
)
from sightline.registry.audit_log import history
from sightline.registry.events import Event
from sightline.registry.paths import datasets
from sightline.registry.promote import check_reason, promote, refuse, rollback
from sightline.registry.register import register
from sightline.registry.verify import Verdict, names, verify, verify_log
from sightline.registry.version import Version, versions

__all__ = [
    "ALIASES",
    "Aliases",
    "Event",
    "Verdict",
    "Version",
    "aliases",
    "champion",
    "check_reason",
    "datasets",
    "find",
    "history",
    "is_name",
    "names",
    "promote",
    "refuse",
    "register",
    "resolve",
    "rollback",
    "run_of",
    "verify",
    "verify_log",
    "versions",
]
