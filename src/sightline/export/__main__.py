"""Entry point of the processes that `child_process.run` starts."""

import sys

from sightline.export import child_process

if __name__ == "__main__":
    child_process.main(*sys.argv[1:])
