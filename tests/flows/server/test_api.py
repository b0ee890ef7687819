import os
import subprocess
import sys

import pytest

CONFIGURED = """
from sightline.flows.server import api
print(api.configured_url())
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("prefect")


def start(program, home, **changes):
    environment = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
    environment |= {"PREFECT_HOME": str(home), **changes}
    command, pipe = [sys.executable, "-c", program], subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)


def run_program(home, program=CONFIGURED, **changes):
    process = start(program, home, **changes)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return output.split()


def test_server_of_the_profile_is_used_and_before_it_that_of_the_environment(home):
    other, url = "http://127.0.0.1:1/api", "http://127.0.0.1:2/api"
    profiles = home / "profiles.toml"
    profiles.write_text(f'active = "mine"\n[profiles.mine]\nPREFECT_API_URL = "{url}"\n')
    assert run_program(home) == [url]
    assert run_program(home, PREFECT_API_URL=other) == [other]
    profiles.unlink()
