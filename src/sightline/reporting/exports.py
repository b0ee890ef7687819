"""The certificate as a table, for the terminal and the report."""

from typing import Any

from sightline.records import Certificate


def rows(certificate: Certificate) -> list[dict[str, Any]]:
    """Return one row an exported form, in the order of the certificate.

    Args:
        certificate: What export returned.

    Returns:
        Column to value: format, runtime, bytes (of all files), load_seconds, latency_1 and
        latency_256 (seconds), difference, agreement (a share), passed; and problem where there is
        one.
    """
    return [
        {
            "format": check.format,
            "runtime": check.runtime,
            "bytes": sum(file.bytes for file in check.files),
            **check.model_dump(
                include={
                    "load_seconds",
                    "latency_1",
                    "latency_256",
                    "difference",
                    "agreement",
                    "passed",
                }
            ),
            "problem": check.problem or "",
        }
        for check in certificate.exports
    ]


def headline(certificate: Certificate) -> str:
    """Say in a sentence whether what is shipped is what was measured."""
    failed = [check.format for check in certificate.exports if not check.passed]
    count, images = len(certificate.exports), f"{certificate.golden_images:,} test images"
    if failed:
        return (
            f"{', '.join(failed)} {'does' if len(failed) == 1 else 'do'} not agree with the "
            f"measured model on {images} (tolerance {certificate.tolerance:g})"
        )
    largest = max(check.difference for check in certificate.exports)
    return (
        f"{count} exported forms agree with the measured model on {images}, to within "
        f"{largest:.1e} of a class probability"
    )
