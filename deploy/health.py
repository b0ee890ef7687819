"""Exit with 0 if a health address answers with 200, else with 1; for health checks in containers.

Usage: `python health.py [http://127.0.0.1:4200/api/ready]`. By default it asks the health server of
the worker (`prefect worker start --with-healthcheck`). The image has no curl.
"""

import http.client
import os
import sys
from urllib.parse import urlsplit

_SECONDS = 5
"""Docker gives a check 10 seconds; Python's own start is a part of them."""


def main() -> None:
    """Ask the address of the command line, or the worker of this container."""
    port = os.environ.get("PREFECT_WORKER_WEBSERVER_PORT", "8080")
    address = sys.argv[1] if len(sys.argv) > 1 else f"http://127.0.0.1:{port}/health"
    sys.exit(0 if _is_healthy(address) else 1)


def _is_healthy(address: str) -> bool:
    """Ask without the proxies that the environment may name: the address is in this container."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=_SECONDS)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    main()
