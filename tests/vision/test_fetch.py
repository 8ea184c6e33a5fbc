import hashlib
import io
import urllib.error

import pytest

from vision.fetch import OFFICIAL, FetchError, Weights, fetch, find, is_genuine, over_https

CONTENT = b"weights" * 30_000
SMALL = Weights("small", "https://example.org/small.pt", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), "ours")


def sends(content):
    return lambda url: io.BytesIO(content)


def is_closed(url):
    raise urllib.error.URLError("Name or service not known")


def test_what_was_sent_is_checked_and_kept(tmp_path):
    seen = []
    path = fetch(SMALL, tmp_path, open_url=sends(CONTENT), on_progress=seen.append)
    assert path == tmp_path / "models" / "small.pt"
    assert is_genuine(path, SMALL)
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)


def test_what_is_there_already_is_not_fetched_again(tmp_path):
    fetch(SMALL, tmp_path, open_url=sends(CONTENT), on_progress=lambda _: None)
    assert fetch(SMALL, tmp_path, open_url=is_closed, on_progress=lambda _: None).exists()


@pytest.mark.parametrize("content", [b"<html>sign in</html>", CONTENT + b"x", CONTENT[:-1] + b"?"])
def test_anything_else_is_refused_and_nothing_is_left_behind(tmp_path, content):
    with pytest.raises(FetchError, match="is not small"):
        fetch(SMALL, tmp_path, open_url=sends(content), on_progress=lambda _: None)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_closed_machine_is_told_where_to_put_the_file(tmp_path):
    with pytest.raises(FetchError, match="without internet") as error:
        fetch(SMALL, tmp_path, open_url=is_closed, on_progress=lambda _: None)
    assert str(SMALL.path(tmp_path)) in str(error.value)
    assert SMALL.url in str(error.value)


def test_a_file_brought_by_hand_is_checked_too(tmp_path):
    path = SMALL.path(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"something else")
    assert not is_genuine(path, SMALL)
    fetch(SMALL, tmp_path, open_url=sends(CONTENT), on_progress=lambda _: None)
    assert is_genuine(path, SMALL)


def test_unknown_names_list_the_known_ones():
    assert find("yolo11n") is OFFICIAL[0]
    with pytest.raises(FetchError, match="yolo11n"):
        find("yolo99")


def test_only_https_is_opened():
    with pytest.raises(FetchError):
        over_https("file:///etc/passwd")
