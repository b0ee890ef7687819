"""Signed provenance of promoted versions: what was shipped, what it was made from, and why.

A statement in the in-toto form lists every file of a version with its digest and, as SLSA
provenance, how it was built: config, seed, environment, the digests of data, code and locked
libraries, the run, and the promotion gate's decision. It is signed with a local Ed25519 key and
kept in a DSSE envelope, `models/<dataset>/attestations/<number>.intoto.json`, which other in-toto
tools read as well.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
https://slsa.dev/spec/v1.0/provenance
https://github.com/secure-systems-lab/dsse
"""
