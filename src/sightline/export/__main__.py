"""Entry of the processes that `own_process` starts; never called by hand."""

import sys

from sightline.export import child_process

if __name__ == "__main__":
    child_process.main(*sys.argv[1:-1])  # the last names the descriptor for answers
