import re
import sys
from importlib import import_module

import pytest
import yaml
from prefect.settings import get_current_settings
from prefect_redis.cleanup_queue import RedisWorkerCleanupQueueSettings
from prefect_redis.client import RedisMessagingSettings

from command import ROOT, execute

FOLDER = ROOT / "deploy"
FILE = FOLDER / "compose.yaml"
COMPOSE = yaml.safe_load(FILE.read_text())
SERVICES = COMPOSE["services"]
WORKERS = ["worker-cpu", "worker-gpu"]
OURS = {"server", "setup", "serve", *WORKERS}
REFERENCE = re.compile(r"\$\{(\w+):\?[^}]+\}")
"""A variable without which Compose stops with a message."""
SECRET = re.compile(r"PASS|AUTH|SECRET|TOKEN|KEY|_URL$")
GIVEN = {
    "PREFECT_SERVER_API_AUTH_STRING": "admin:one",
    "POSTGRES_PASSWORD": "p@ss/w:rd%",
    "REDIS_PASSWORD": "two",
}


def filled(value):
    """Fill in references as Compose does."""
    return REFERENCE.sub(lambda found: GIVEN[found[1]], value)


@pytest.mark.parametrize(("key", "code"), [("stop_grace_period", 0), ("stop_grace_periods", 1)])
def test_file_follows_the_compose_specification(key, code, tmp_path):
    path = tmp_path / "compose.yaml"
    path.write_text(FILE.read_text().replace("stop_grace_period", key))
    schema = ("--builtin-schema", "vendor.compose-spec")
    result = execute(sys.executable, "-m", "check_jsonschema", *schema, path)
    assert result.returncode == code, result.stdout + result.stderr
    assert code == 0 or key in result.stdout


def option(service, name):
    """Return the value of an option in a service's command."""
    command = SERVICES[service]["command"]
    return str(command[command.index(name) + 1])


def test_compose_refuses_to_start_without_the_passwords():
    text = FILE.read_text()
    assert {found[1] for found in REFERENCE.finditer(text)} == GIVEN.keys()
    assert all(".env.example}" in found[0] for found in REFERENCE.finditer(text))
    assert not [name for name in GIVEN if f"${{{name}" in REFERENCE.sub("", text)]


def test_file_holds_no_secret():
    for name, service in SERVICES.items():
        for key, value in (service.get("environment") or {}).items():
            if SECRET.search(key) and key not in {"PREFECT_API_URL", "PREFECT_SERVER_UI_API_URL"}:
                left = REFERENCE.sub("", value or "")
                assert left in {"", "redis://default:@redis:6379/0"}, f"{name}: {key}"
    assert REFERENCE.fullmatch(option("redis", "--requirepass"))


def test_example_explains_every_variable_and_gives_no_password():
    used = set(re.findall(r"\$\{(\w+)", FILE.read_text())) | {"COMPOSE_PROFILES"}
    used |= set(re.findall(r"^ +(\w+): # passed on", FILE.read_text(), re.MULTILINE))
    example = (FOLDER / ".env.example").read_text()
    described = dict(re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", example, re.MULTILINE))
    assert described.keys() == used
    assert {name for name, value in described.items() if not value} >= GIVEN.keys()
    for block in example.strip().split("\n\n"):
        assert block.startswith("# ")


def test_api_is_published_on_loopback_by_default():
    published = [(name, port) for name in SERVICES for port in SERVICES[name].get("ports", [])]
    address = "${SIGHTLINE_BIND:-127.0.0.1}"
    assert published == [
        ("server", f"{address}:${{SIGHTLINE_PORT:-4200}}:4200"),
        ("serve", f"{address}:${{SIGHTLINE_SERVE_PORT:-8000}}:8000"),
    ]


def test_images_are_pinned_and_ours_run_without_privileges():
    assert SERVICES.keys() - OURS == {"postgres", "redis"}
    for name in ("postgres", "redis"):
        assert re.fullmatch(r"\w+:\d+(\.\d+)+-bookworm", SERVICES[name]["image"])
    for name in OURS:
        device = "gpu" if name == "worker-gpu" else "cpu"
        expected = {
            "image": f"${{SIGHTLINE_IMAGE:-sightline}}:{device}",
            "build": {"context": "..", "args": {"DEVICE": device}},
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
        }
        assert SERVICES[name] == SERVICES[name] | expected
        assert "user" not in SERVICES[name]


def test_services_wait_for_their_dependencies():
    healthy, completed = "service_healthy", "service_completed_successfully"
    found = {
        (name, other, need["condition"])
        for name, service in SERVICES.items()
        for other, need in service.get("depends_on", {}).items()
    }
    assert found == {
        ("server", "postgres", healthy),
        ("server", "redis", healthy),
        ("setup", "server", healthy),
        *((worker, "setup", completed) for worker in WORKERS),
    }


def test_lasting_services_restart_report_health_and_get_time_to_stop():
    assert SERVICES["setup"]["restart"] == "no"
    assert SERVICES["setup"]["healthcheck"] == {"disable": True}
    for name in SERVICES.keys() - {"setup"}:
        assert SERVICES[name]["restart"] == "unless-stopped"
    for name in ("postgres", "redis", "server", "serve"):
        assert SERVICES[name]["healthcheck"]["test"]
    for name in WORKERS:
        assert "--with-healthcheck" in SERVICES[name]["command"]
        assert "healthcheck" not in SERVICES[name], "the image has its own"
    for name in ("postgres", "server", "serve", *WORKERS):
        assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) >= 30


def test_workers_share_artifacts_and_only_read_data():
    volumes = ["artifacts:/artifacts", "${SIGHTLINE_DATA:-data}:/data:ro"]
    for name in WORKERS:
        assert SERVICES[name]["volumes"] == volumes
    assert set(COMPOSE["volumes"]) == {"pgdata", "redis", "artifacts", "data"}
    assert SERVICES["postgres"]["volumes"] == ["pgdata:/var/lib/postgresql/data"]
    assert SERVICES["redis"]["volumes"] == ["redis:/data"]
    # The names that the Docker pools use:
    assert COMPOSE["volumes"]["artifacts"]["name"] == "sightline-artifacts"
    assert COMPOSE["volumes"]["data"]["name"] == "sightline-data"
    assert COMPOSE["networks"]["default"]["name"] == "sightline"


def test_server_of_the_champion_only_reads():
    serve = SERVICES["serve"]
    assert serve["read_only"]
    assert serve["volumes"] == ["artifacts:/artifacts:ro"]
    assert option("serve", "--port") in serve["ports"][0]
    assert serve["profiles"] == ["serve"]


def test_gpu_worker_has_one_gpu_and_one_run_at_a_time():
    worker = SERVICES["worker-gpu"]
    assert worker["deploy"]["resources"]["reservations"]["devices"] == [
        {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    ]
    assert (option("worker-gpu", "--pool"), option("worker-gpu", "--limit")) == ("gpu", "1")
    assert worker["shm_size"] == "2gb"
    assert worker["profiles"] == ["gpu"]
    assert "deploy" not in SERVICES["worker-cpu"]


def test_workers_have_no_access_to_database_and_redis():
    assert not (SERVICES["serve"]["environment"].keys() - {"SIGHTLINE_SERVE_TOKEN"})
    for name in ("setup", *WORKERS):
        found = SERVICES[name]["environment"]
        assert found["PREFECT_API_URL"] == "http://server:4200/api"
        assert filled(found["PREFECT_API_AUTH_STRING"]) == "admin:one"
        assert not [key for key in found if key.startswith(("PREFECT_SERVER", "PREFECT_REDIS"))]


def test_server_demands_the_password_and_uses_postgres_and_redis(monkeypatch):
    for key, value in SERVICES["server"]["environment"].items():
        monkeypatch.setenv(key, filled(value))
    server = type(get_current_settings())().server
    assert server.api.auth_string.get_secret_value() == "admin:one"
    assert server.database.connection_url.get_secret_value() == (
        "postgresql+asyncpg://prefect:p%40ss%2Fw%3Ard%25@postgres:5432/prefect"
    )
    assert server.ui.api_url == "/api"
    events = server.events
    leases = server.concurrency.lease_storage
    queue = server.worker_channel.cleanup_queue_storage
    for module, name in (
        (events.messaging_broker, "Publisher"),
        (events.messaging_broker, "Consumer"),
        (events.messaging_cache, "Cache"),
        (events.causal_ordering, "CausalOrdering"),
        (leases, "ConcurrencyLeaseStorage"),
        (queue, "WorkerCleanupQueue"),
    ):
        assert module.startswith("prefect_redis.")
        assert hasattr(import_module(module), name)
    assert server.docket.url == "redis://default:two@redis:6379/0"
    for settings in (RedisMessagingSettings(), RedisWorkerCleanupQueueSettings()):
        assert (settings.host, settings.port, settings.password) == ("redis", 6379, "two")
