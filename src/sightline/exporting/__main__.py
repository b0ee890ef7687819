"""Entry of the processes that `own_process` starts; never called by hand."""

import sys

from sightline.exporting import own_process

if __name__ == "__main__":
    own_process.main(*sys.argv[1:])
