"""The program of a Ray cluster of two nodes on loopback, which ends with its standard input.

`ray start` refuses a second node where Ray listens on loopback alone, as it does on laptops.
"""

import json
import sys

from ray.cluster_utils import Cluster

from sightline.pipeline.provenance import cores


def main() -> None:
    """Print the address and the processes of the nodes."""
    cluster = Cluster()
    nodes = []
    for _ in range(2):
        node = cluster.add_node(
            num_cpus=cores(),
            object_store_memory=80_000_000,
            node_ip_address="127.0.0.1",
            include_dashboard=False,
        )
        nodes.append(node.all_processes["raylet"][0].process.pid)
    print(json.dumps({"address": cluster.address, "nodes": nodes}), flush=True)  # noqa: T201
    sys.stdin.read()
    cluster.shutdown()


if __name__ == "__main__":
    main()
