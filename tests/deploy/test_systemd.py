import re
from configparser import ConfigParser

from command import ROOT, check_refused, invoke

FILE = ROOT / "deploy" / "sightline-worker@.service"


def unit():
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(FILE)
    return parser


def test_unit_restarts_a_worker_whatever_ended_it_and_gives_its_runs_time():
    service = unit()["Service"]
    assert service["Restart"] == "always"
    assert unit()["Unit"]["StartLimitIntervalSec"] == "0", "systemd never gives up"
    assert service["KillMode"] == "mixed", "the worker ends its runs itself"
    assert int(service["TimeoutStopSec"]) > 60


def test_unit_starts_the_worker_of_its_pool():
    environment = dict(re.findall(r"^Environment=(\w+)=(.*)$", FILE.read_text(), re.MULTILINE))
    program, *arguments = unit()["Service"]["ExecStart"].split()
    assert program.endswith("/.venv/bin/sightline")
    given = [one.replace("${LIMIT}", environment["LIMIT"]) for one in arguments]
    refused = invoke(*given, PREFECT_API_URL="http://127.0.0.1:9/api")
    check_refused(refused, "PREFECT_API_URL", "sightline ops server")
