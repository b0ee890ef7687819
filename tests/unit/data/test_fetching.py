import gzip
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import mirror
from mirror import CONTENT, Mirror
from sightline.data import catalog, download, fetching
from sightline.data.catalog import NamedDataset
from sightline.data.download import Patience
from sightline.errors import DataError, DownloadError
from sightline.pipeline.progress import Progress, listening
from sightline.records import Run

IMPATIENT = Patience(connect=1, read=0.2, total=5, tries=3, first_delay=0.01)


@pytest.fixture
def server() -> Iterator[Mirror]:
    with mirror.serving() as serving:
        yield serving


@pytest.fixture(autouse=True)
def tiny(server: Mirror, monkeypatch: pytest.MonkeyPatch) -> NamedDataset:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    dataset = mirror.tiny([f"{server.address}/one", f"{server.address}/two"])
    monkeypatch.setitem(catalog.NAMED, "tiny", dataset)
    return dataset


def fetch(run: Run) -> list[Path]:
    return fetching.fetch(run, "tiny", IMPATIENT)


def left_behind(run: Run) -> list[str]:
    folder = run.workspace.root / "datasets" / "tiny"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_files_are_downloaded_once_and_verified(server: Mirror, run: Run) -> None:
    paths = fetch(run)

    assert [gzip.decompress(path.read_bytes()) for path in paths] == list(CONTENT.values())
    assert server.asked == ["/one/train.gz", "/one/test.gz"]
    assert fetch(run) == paths
    assert len(server.asked) == 2


def test_progress_is_told_in_bytes(run: Run) -> None:
    told: list[Progress] = []

    with listening(told.append):
        paths = fetch(run)

    assert {progress.unit for progress in told} == {"bytes"}
    assert told[-1].done == told[-1].total == paths[-1].stat().st_size


def test_missing_file_goes_on_to_the_next_mirror_at_once(server: Mirror, run: Run) -> None:
    server.faults["/one/train"] = ["404"] * 9

    fetch(run)

    # the mirror that delivered is asked first from then on
    assert server.asked == ["/one/train.gz", "/two/train.gz", "/two/test.gz"]


@pytest.mark.parametrize("fault", ["500", "503", "short", "stall"])
def test_passing_fault_is_tried_again(server: Mirror, run: Run, fault: str) -> None:
    server.faults["/one/train"] = [fault, fault]

    fetch(run)

    assert server.asked == ["/one/train.gz"] * 3 + ["/one/test.gz"]


@pytest.mark.parametrize("fault", ["html", "wrong", "lying", "endless", "loop", "403"])
def test_lasting_fault_is_not_tried_again(server: Mirror, run: Run, fault: str) -> None:
    server.faults["/one/train"] = [fault] * 20

    fetch(run)

    asked = [path for path in server.asked if path.startswith("/one/train")]
    assert len(asked) == (6 if fault == "loop" else 1)  # a redirect is followed five times
    assert "/two/train.gz" in server.asked


def test_body_without_a_stated_length_is_taken(server: Mirror, run: Run) -> None:
    server.faults["/one/train"] = ["unstated"]

    assert len(fetch(run)) == 2
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("404", "it answered 404 Not Found"),
        ("500", "it answered 500"),
        ("short", "without sending complete message body"),
        ("lying", "what it sent is truncated"),
        ("html", "it sent an HTML page instead of the file"),
        ("wrong", "it sent 14 bytes with SHA-256"),
        ("endless", "it sent more than the"),
        ("stall", "it did not answer in time"),
        ("loop", "redirects"),
    ],
)
def test_error_names_every_mirror_with_its_reason_and_nothing_is_left(
    server: Mirror, run: Run, fault: str, reason: str
) -> None:
    server.faults[""] = [fault] * 50

    with pytest.raises(DownloadError) as caught:
        fetch(run)

    message = str(caught.value)
    assert f"{server.address}/one/train.gz: " in message
    assert f"{server.address}/two/train.gz: " in message
    assert message.count(reason) == 2
    assert "--data-dir" in message
    assert left_behind(run) == []


def test_slow_drip_ends_at_the_overall_limit(server: Mirror, run: Run) -> None:
    server.faults[""] = ["endless"] * 50
    hasty = Patience(connect=1, read=1, total=0, tries=1, first_delay=0)

    with pytest.raises(DownloadError, match="it took longer than 0 s"):
        fetching.fetch(run, "tiny", hasty)


def test_unreachable_mirror_is_refused_with_its_reason(run: Run) -> None:
    run = run.model_copy(update={"mirror": "http://127.0.0.1:9/x"})

    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:9/x/tiny/train\.gz: .*refused"):
        fetch(run)


@pytest.mark.parametrize(
    "address", ["ftp://host/x", "file:///etc", "intranet/data", "http://[x", f"http://{'a' * 64}/"]
)
def test_address_of_another_kind_is_refused(run: Run, address: str) -> None:
    with pytest.raises(DataError, match=r"http:// or https:// address"):
        fetch(run.model_copy(update={"mirror": address}))


def test_mirror_of_the_intranet_is_the_only_one_asked(server: Mirror, run: Run) -> None:
    paths = fetch(run.model_copy(update={"mirror": f"{server.address}/intranet/?key=1"}))

    assert len(paths) == 2
    assert server.asked == ["/intranet/tiny/train.gz?key=1", "/intranet/tiny/test.gz?key=1"]


def test_secrets_of_an_address_reach_neither_message_nor_log(
    server: Mirror, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.faults[""] = ["404"] * 50
    secret = server.address.replace("://", "://me:hunter2@") + "/x?sig=s3cret"

    with pytest.raises(DownloadError) as caught:
        fetch(run.model_copy(update={"mirror": secret}))

    assert f"{server.address}/x/tiny/train.gz" in str(caught.value)
    for text in (str(caught.value), caplog.text):
        assert "hunter2" not in text
        assert "s3cret" not in text


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("folder", [".", "tiny"])
def test_local_copy_is_used_without_any_network(
    server: Mirror, run: Run, tmp_path: Path, folder: str, packed: bool
) -> None:
    place = tmp_path / "data" / folder
    place.mkdir(parents=True)
    for name, content in CONTENT.items():
        file = place / (f"{name}.gz" if packed else name)
        file.write_bytes(gzip.compress(content) if packed else content)

    paths = fetch(run.model_copy(update={"data_dir": tmp_path / "data"}))

    assert all(path.parent.samefile(place) for path in paths)
    assert server.asked == []


@pytest.mark.parametrize("content", [b"wrong", b"", gzip.compress(CONTENT["train"])[:-9]])
def test_damaged_local_copy_is_an_error_that_names_it(
    server: Mirror, run: Run, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "train").write_bytes(content)
    (tmp_path / "test").write_bytes(CONTENT["test"])

    with pytest.raises(DataError, match=f"{tmp_path}/train "):
        fetch(run.model_copy(update={"data_dir": tmp_path}))
    assert server.asked == []


def test_incomplete_local_copy_names_what_is_missing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "train").write_bytes(CONTENT["train"])

    with pytest.raises(DataError, match=r"lacks test \(or test\.gz\) of tiny"):
        fetch(run.model_copy(update={"data_dir": tmp_path}))


def test_data_folder_that_does_not_exist_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere does not exist; check --data-dir"):
        fetch(run.model_copy(update={"data_dir": tmp_path / "nowhere"}))


def test_data_folder_with_other_things_leads_to_a_download(
    server: Mirror, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "other").write_bytes(b"x")

    assert len(fetch(run.model_copy(update={"data_dir": tmp_path}))) == 2
    assert len(server.asked) == 2


@pytest.mark.parametrize("content", [b"", b"half", b"\x1f\x8bdamaged"])
def test_damaged_earlier_download_is_replaced(server: Mirror, run: Run, content: bytes) -> None:
    fetch(run)[0].write_bytes(content)

    paths = fetch(run)

    assert gzip.decompress(paths[0].read_bytes()) == CONTENT["train"]
    assert server.asked.count("/one/train.gz") == 2
    assert server.asked.count("/one/test.gz") == 1


def test_what_a_killed_download_left_is_removed(run: Run) -> None:
    folder = run.workspace.root / "datasets" / "tiny"
    folder.mkdir(parents=True)
    (folder / ".train.gz.0123abcd.tmp").write_bytes(b"half")

    fetch(run)

    assert left_behind(run) == ["test.gz", "train.gz"]


def test_two_fetches_at_once_download_once(server: Mirror, run: Run) -> None:
    threads = [threading.Thread(target=fetch, args=(run,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(server.asked) == 2


def test_delay_between_tries_grows(server: Mirror, run: Run) -> None:
    server.faults["/one/train"] = ["500", "500"]
    started = time.monotonic()

    fetching.fetch(run, "tiny", Patience(first_delay=0.1))

    assert time.monotonic() - started >= 0.1 + 0.2


def test_shown_address_keeps_only_what_is_public() -> None:
    address = "https://u:p@host:8443/a/b.gz?x=1#y"

    assert download.shown(address) == "https://host:8443/a/b.gz"


def test_unknown_name_is_refused(run: Run) -> None:
    with pytest.raises(DataError, match="did you mean 'tiny'"):
        fetching.fetch(run, "tinny")
