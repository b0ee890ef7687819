"""The model registry: immutable versions, and an audit log that decides which one is in use.

`models/<dataset>/` under the artifacts root holds

    versions/<number>/    a version: version.json, model.keras, its run's manifest.json and, if
                          exported, exports/ and certificate.json; of a pruned one, version.json
    audit/<6 digits>.json what was done, by whom and why: one checksummed file an event
    last_event.json       digest of the last event, so that its removal is noticed
    champion.json         the champion, for other programs; the registry never reads it
    attestations/         signed provenance of promoted versions (`registry.attestation`)

Each event holds the digest of the previous event, so that changed, removed and inserted events are
noticed, and the digest of its version's `version.json`, which holds those of all its files. The
champion and the candidate follow from the events alone: a change is one new file, so it happens
completely or not at all.
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
from sightline.registry.verify import VersionCheck, names, verify, verify_log
from sightline.registry.version import Version, versions
