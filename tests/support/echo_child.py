"""A child process for tests: answers requests until it is told to go."""

import os
import queue
import sys

from sightline.pipeline import child

requests: queue.Queue[child.Message] = queue.Queue()
child.end_with_parent(on_request=requests.put)
descriptor = int(sys.argv[-1])
child.answer(descriptor, {"arguments": sys.argv[1:-1], "pid": os.getpid()})
while (request := requests.get()) != {"leave": True}:
    os.write(1, f"heard {request}\n".encode())
    child.answer(descriptor, request)
child.answer(descriptor, {"last": "words"})
sys.exit(3)
