"""Signed provenance of promoted versions: what was shipped, what it was made from, and why.

A statement in the in-toto form names every file of a version with its digest, as a SLSA build
does: config, seed and environment, digests of data, code and locked libraries, the run, and
what the promotion gate said. It is signed with a local Ed25519 key and kept in a DSSE envelope,
`models/<dataset>/attestations/<number>.intoto.json`, which other in-toto tools read as well.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
https://slsa.dev/spec/v1.0/provenance
https://github.com/secure-systems-lab/dsse
"""

from sightline.registry.attestation.keys import VARIABLE, configured, generate
from sightline.registry.attestation.sign import attest, exists, path
from sightline.registry.attestation.verify import verify

__all__ = ["VARIABLE", "attest", "configured", "exists", "generate", "path", "verify"]
