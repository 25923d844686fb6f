"""Test the server of the page: who is answered, with which headers, and how it follows runs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo.model import Oid
from git_datmo.repository.workspace import open_workspace
from git_datmo.runs.runs_in_progress import note_ended_run
from git_datmo.web.live_server import PageServer, media_type
from git_datmo.web.request_guard import Guard, host_names
from git_datmo.web.running_server import proxied_addresses, ssh_line
from tests.support.commands import datmo
from tests.support.live_runs import begin_run, log_values
from tests.support.page_client import TOKEN, Client, serving
from tests.support.page_repository import MARKUP, copy_repository, ids
from tests.support.shell import Shell

Served = tuple[Client, PageServer]


@pytest.fixture(scope="module")
def repo(page_template: Shell, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return copy_repository(page_template, tmp_path_factory.mktemp("copy"))


@pytest.fixture(scope="module")
def served(repo: Shell) -> Iterator[Served]:
    with serving(repo, "hub.example") as found:
        yield found


@pytest.fixture
def client(served: Served) -> Client:
    return served[0]


def test_first_visit_gives_a_strict_cookie_and_hides_the_token(client: Client) -> None:
    answer = client.ask(f"/?token={TOKEN}", Cookie=None)
    assert answer.status == 303
    # Relative, so that it also leads to the page behind a proxy under a path.
    assert answer.headers["location"] == "./"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path" not in cookie
    name = answer.headers["set-cookie"].partition(";")[0]
    assert client.ask("/", Cookie=name).status == 200


@pytest.mark.parametrize("path", ["/", "/page.js", "/data/experiments.json", "/events", "/file/a"])
def test_request_without_token_is_refused(client: Client, path: str) -> None:
    for cookie in (None, f"datmo-{client.port}=wrong", f"other={TOKEN}"):
        assert client.ask(path, Cookie=cookie).status == 403
    assert client.ask("/?token=wrong", Cookie=None).status == 403
    # The token of an address opens the page alone.
    assert client.ask(f"/data/health.json?token={TOKEN}", Cookie=None).status == 403


def test_only_known_hosts_are_answered(client: Client) -> None:
    port = client.port
    good = ("localhost", f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}")
    for host in (*good, "hub.example", "hub.example:8443"):
        assert client.ask("/page.js", Host=host).status == 200, host
    for host in (
        "evil.example",
        f"localhost:{port + 1}",
        f"127.0.0.1.evil:{port}",
        "",
        "a@b",
        "::",
    ):
        answer = client.ask("/page.js", Host=host)
        assert answer.status in (400, 403), host


def test_requests_of_other_pages_are_refused(client: Client) -> None:
    own = f"http://127.0.0.1:{client.port}"
    assert client.ask("/page.js", Origin=own).status == 200
    for origin in ("null", "http://evil.example", "http://127.0.0.1:1", "https://hub.example"):
        assert client.ask("/page.js", Origin=origin).status == 403
    body = '{"content": "' + "0" * 40 + '"}'
    json_type = "application/json"
    other = "http://evil.example"
    refused = client.ask("/fetch", "POST", body, Origin=other, Content_Type=json_type)
    assert refused.status == 403
    # A form of another page can send no JSON.
    assert client.ask("/fetch", "POST", body, Origin=own, Content_Type="text/plain").status == 400
    assert client.ask("/fetch", "POST", "x" * 9999, Content_Type=json_type).status == 400
    assert client.ask("/fetch").status == 405


def test_every_answer_has_strict_headers(client: Client) -> None:
    for path in ("/", "/page.js", "/data/experiments.json", "/data/nothing.json"):
        headers = client.ask(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "access-control-allow-origin" not in headers


def test_document_is_packed_once_and_not_sent_again(client: Client) -> None:
    packed = client.ask("/data/experiments.json", Accept_Encoding="gzip, br")
    plain = client.ask("/data/experiments.json")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.document == plain.document
    tag = packed.headers["etag"]
    same = client.ask("/data/experiments.json", Accept_Encoding="gzip", If_None_Match=tag)
    assert (same.status, same.body) == (304, b"")


def test_missing_document_says_why(client: Client) -> None:
    answer = client.ask(f"/data/text/{'0' * 40}.json")
    assert answer.status == 404
    assert answer.document == {
        "error": "this file is not here", "hint": "fetch it first", "content": "0" * 40
    }  # fmt: skip


def test_markup_is_never_shown_as_a_page(repo: Shell, client: Client) -> None:
    experiment = client.load(f"experiment/{ids(repo)[0][:16]}")
    data = next(each for each in experiment["payloads"] if each["path"] == "data")
    for file in client.load(data["listing"])["files"]:
        for name in (
            file["oid"],
            f"{file['oid']}.svg",
            f"{file['oid']}.png",
            f"{file['oid']}.html",
        ):
            answer = client.ask(f"/file/{name}")
            assert answer.status == 200
            assert "sandbox" in answer.headers["content-security-policy"]
            if not (name.endswith(".png") and file["path"] == "a.csv"):
                assert answer.headers["content-type"] == "application/octet-stream"
                assert answer.headers["content-disposition"] == "attachment"
    assert media_type(b"\x89PNG\r\n", "png") == "image/png"
    assert media_type(b"  <svg onload=alert(1)>", "png") is None


def test_new_points_of_a_run_arrive_alone(repo: Shell, client: Client) -> None:
    with open_workspace(repo.env, repo.cwd) as ws:
        home = begin_run(ws, "python", "train.py", MARKUP)
    log_values(home, "loss", [3.0, 2.0])
    curve = f"curve/run-{home.name}/0"
    with client.events() as events:
        began = time.monotonic()
        event = next(each for each in events if each.get("curve") == curve)
        assert (event["from"], event["values"]) == (0, [3.0, 2.0])
        log_values(home, "loss", [1.0, float("nan")], 2)
        event = next(each for each in events if each.get("curve") == curve)
        assert (event["from"], event["steps"]) == (2, [2.0, 3.0])
        assert event["values"] == [1.0, "NaN"]
        # Two looks of half a second each, and time for a busy machine.
        assert time.monotonic() - began < LATE
        assert client.load(curve)["values"] == [[3.0, 2.0, 1.0, "NaN"]]
        (running,) = client.load("experiments")["running"]
        assert running["metrics"] == [["loss", curve]]
        assert running["pid_alive"]
        assert MARKUP in running["command"]
        document = client.load(f"experiment/run-{home.name}")
        assert document["metrics"][0]["last"] == "NaN"
        assert client.load(f"log/run-{home.name}")["text"] == ""
        experiment = ids(repo)[0]
        note_ended_run(home, Oid.parse(experiment))
        shutil.rmtree(home)
        name = f"experiment/run-{home.name}"
        assert any({"experiments", name} <= {*each.get("changed", ())} for each in events)
    assert client.load("experiments")["running"] == []
    assert client.ask(f"/data/{curve}.json").status == 404
    assert client.load(name)["id"] == experiment


LATE = 20


def test_new_experiments_are_noticed(repo: Shell, client: Client) -> None:
    before = client.load("experiments")["count"]
    with client.events() as events:
        datmo(repo, "snapshot", "-m", "by hand")
        event = next(each for each in events if "data" in each.get("changed", ()))
        assert "story" in event["changed"]
        assert client.load("experiments")["count"] == before + 1
    # Without a browser that follows, the next document is as new.
    datmo(repo, "snapshot", "-m", "once more")
    limit = time.monotonic() + LATE
    while client.load("experiments")["count"] != before + 2:
        assert time.monotonic() < limit


def test_open_page_does_not_stop_gc(
    repo: Shell, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, server = served
    client.load("data")
    monkeypatch.setattr("git_datmo.web.live_pages.IDLE", 0.0)
    server.pages.look()
    assert not server.pages.is_open
    datmo(repo, "gc", "--dry-run")


def test_content_is_fetched_only_when_asked(tmp_path: Path, repo: Shell) -> None:
    hub = Shell(tmp_path, repo.env)
    hub.git("init", "-q", "--bare", "hub.git")
    repo.git("push", "-q", str(tmp_path / "hub.git"), "main")
    datmo(repo, "push", str(tmp_path / "hub.git"))
    hub.git("clone", "-q", "hub.git", "clone")
    clone = hub.at("clone")
    datmo(clone, "init")
    with serving(clone) as (client, _):
        wanted = next(
            each for each in client.load("data")["payloads"] if each["path"] == "model.bin"
        )
        oid = wanted["versions"][-1]["oid"]
        assert client.ask(f"/data/files/{oid}.json").status == 404
        with client.events() as events:
            body = f'{{"content": "{oid}"}}'
            answer = client.ask("/fetch", "POST", body, Content_Type="application/json")
            assert answer.status == 202
            done = next(each for each in events if each.get("is_done") or each.get("error"))
            assert (done["fetch"], done["error"]) == (oid, "")
            assert client.ask(f"/file/{oid}").body == b"model\x02"
            body = f'{{"content": "{"0" * 40}"}}'
            client.ask("/fetch", "POST", body, Content_Type="application/json")
            failed = next(each for each in events if each.get("error"))
            assert "no experiment of this page has this content" in failed["error"]


def test_proxies_and_other_machines_have_their_addresses() -> None:
    editor = {"VSCODE_PROXY_URI": "https://code.example/proxy/{{port}}/"}
    assert proxied_addresses(editor, 8000, "t") == ["https://code.example/proxy/8000/?token=t"]
    hub = {"JUPYTERHUB_SERVICE_PREFIX": "/user/ada/"}
    assert proxied_addresses(hub, 8000, "t") == ["/user/ada/proxy/8000/?token=t"]
    hub["JUPYTERHUB_PUBLIC_URL"] = "https://hub.example/user/ada/"
    assert proxied_addresses(hub, 8000, "t") == ["https://hub.example/user/ada/proxy/8000/?token=t"]
    assert host_names(["https://Hub.example/user/ada/", "x:1"]) == ("hub.example", "x")
    session = {"SSH_CONNECTION": "10.0.0.1 5 10.0.0.9 2222"}
    assert ssh_line(session, "ada", "box", 8000) == (
        "ssh -p 2222 -N -L 8000:127.0.0.1:8000 ada@10.0.0.9"
    )
    guard = Guard("t", 8000, outside=("hub.example",))
    assert guard.refuse_origin("https://hub.example", "hub.example") == ""
