"""The interface: uploads to results, each browser its own, and nothing by a name that we did not give."""

from __future__ import annotations

import http.client
import io
import json
import zipfile

import pytest

from maquette.web.app import ASSETS, Pages, asset
from maquette.web.jobs import DONE, JobStore, WebJob, new_id
from maquette.web.limits import ServeOptions
from served import GLB, PAGE, Client, serving


def test_a_photo_becomes_files(client):
    job = client.wait(client.order("me.jpg", texture_size=512)["id"], "done")
    (row,) = job["results"]
    assert row["warnings"] == ["dark"] and {file["name"] for file in row["files"]} >= {"me/face-1/head.glb"}
    status, headers, content = client.ask("GET", f"/api/jobs/{job['id']}/files/me/face-1/head.glb")
    assert (status, content) == (200, GLB)
    assert headers["content-disposition"].startswith("attachment") and "sandbox" in headers["content-security-policy"]
    order = json.loads(client.ask("GET", f"/api/jobs/{job['id']}/files/me/face-1/report.json")[2])
    assert order["options"] == {"texture_size": 512, "method": "parametric", "together": False, "max_megapixels": 50.0}
    status, headers, content = client.ask("GET", f"/api/jobs/{job['id']}/zip")
    assert status == 200 and set(zipfile.ZipFile(io.BytesIO(content)).namelist()) == {f["name"] for f in row["files"]}


def test_frames_of_a_clip_are_in_the_zip_alone(tmp_path):
    store = JobStore(tmp_path / "s", 60, 1e9)
    job = WebJob(new_id(), "owner", "clip", {}, ["a.mp4"], ["a.mp4"], state=DONE, ended=1.0)
    names = ["a/person-1/person.glb", "a/person-1/frames/000000.ply"]
    job.results.append({"folder": "a/person-1", "subject": "person-1", "files": names, "warnings": []})
    for name in names:
        path = store.place(job) / "out" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"1234")
    (row,) = Pages(ServeOptions(), store)._public(job, [])["results"]
    assert [file["name"] for file in row["files"]] == names[:1] and row["bytes"] == 8 and [*store.files(job)] == names
    store.close()


def test_the_viewer_s_page_has_an_origin_of_its_own(client):
    job = client.wait(client.order("me.jpg")["id"], "done")
    status, headers, content = client.ask("GET", f"/view/{job['id']}/0")
    rules = headers["content-security-policy"]
    assert (status, content.decode()) == (200, PAGE)
    assert "sandbox allow-scripts allow-downloads" in rules and "allow-same-origin" not in rules
    assert "frame-ancestors 'self'" in rules and "sha256-" in rules and "unsafe" not in rules
    for number in ("1", "-1", "99999999999999999999"):
        assert client.ask("GET", f"/view/{job['id']}/{number}")[0] in (400, 404)


def test_two_browsers_see_their_own(server):
    first, second = Client(server).open(), Client(server).open()
    mine, theirs = first.order("me.jpg"), second.order("me.jpg")
    first.wait(mine["id"], "done"), second.wait(theirs["id"], "done")
    assert [job["id"] for job in first.json("GET", "/api/jobs")] == [mine["id"]]
    for method, path in (
        ("GET", f"/api/jobs/{theirs['id']}/files/me/face-1/head.glb"),
        ("GET", f"/api/jobs/{theirs['id']}/zip"),
        ("GET", f"/view/{theirs['id']}/0"),
        ("POST", f"/api/jobs/{theirs['id']}/cancel"),
        ("DELETE", f"/api/jobs/{theirs['id']}"),
    ):
        assert first.ask(method, path)[0] == 400, path
    upload = second.send()
    assert "no longer" in first.json("POST", "/api/jobs", {"kind": "face", "uploads": [upload]}, 400)["error"]
    assert second.job(theirs["id"])["results"]


def test_a_browser_without_its_cookie_gets_nothing(server):
    client = Client(server)
    assert client.ask("POST", "/api/uploads?name=a.jpg", b"x")[0] == 400
    assert client.json("GET", "/api/jobs") == []


@pytest.mark.parametrize(
    "path",
    [
        "../job.json", "..%2fjob.json", "%2e%2e/job.json", "me/face-1/../../../job.json", "/etc/passwd",
        "%2fetc%2fpasswd", "me/face-1/head.glb%00.txt", "me\\face-1\\head.glb", "", "me/face-1/", "me/face-1/HEAD.GLB",
    ],
)  # fmt: skip
def test_no_other_path_works(client, path):
    job = client.wait(client.order("me.jpg")["id"], "done")
    assert client.ask("GET", f"/api/jobs/{job['id']}/files/{path}")[0] in (400, 404, 307)
    assert client.ask("GET", f"/assets/{path}")[0] in (404, 307)


@pytest.mark.parametrize(
    "body,said",
    [
        (b"", "wanted JSON"),
        (b"[]", "JSON object"),
        (b"[" * 60_000, "wanted JSON"),
        (b"{" + b" " * 70_000 + b"}", "too large"),
        (b'{"kind": "face"}', "a list of files"),
        (b'{"kind": "nothing", "uploads": []}', "wanted a kind"),
        (b'{"kind": ["face"], "uploads": []}', "wanted a kind"),
        (b'{"kind": "face", "uploads": []}', "wanted 1 to 12 files"),
        (b'{"kind": "face", "uploads": [3]}', "a list of files"),
        (b'{"kind": "together", "uploads": ["a"]}', "wanted 2 to 12 files"),
        (b'{"kind": "clip", "uploads": ["a", "b"]}', "wanted one file"),
        (b'{"kind": "face", "uploads": ["a"], "settings": 3}', "settings"),
        (b'{"kind": "face", "uploads": ["a"], "settings": {"vrn_weights": "/etc/passwd"}}', "no such setting"),
        (b'{"kind": "face", "uploads": ["a"], "settings": {"texture_size": 1e9}}', "whole number"),
        (b'{"kind": "face", "uploads": ["a"], "settings": {"texture_size": 99999}}', "wanted 256 to 8192"),
        (b'{"kind": "face", "uploads": ["http://127.0.0.1/"]}', "no longer on the server"),
        (b'{"kind": "face", "uploads": ["../job.json"]}', "no longer on the server"),
    ],
    ids=lambda value: value[:40] if isinstance(value, bytes) else None,
)
def test_a_wrong_order_is_one_line(client, body, said):
    status, _, content = client.ask("POST", "/api/jobs", body)
    error = json.loads(content)["error"]
    assert status == 400 and said in error and "\n" not in error
    assert client.json("GET", "/api/jobs") == []


def test_a_refused_order_leaves_its_files_for_the_next(client):
    upload = client.send()
    client.json("POST", "/api/jobs", {"kind": "face", "uploads": [upload], "settings": {"fill": 3}}, 400)
    assert client.json("POST", "/api/jobs", {"kind": "face", "uploads": [upload]}, 201)


def test_what_is_too_large_is_refused_before_it_is_read(stand_in, tmp_path):
    with serving(tmp_path / "s", max_upload=0.01) as address:
        client = Client(address).open()
        assert client.ask("POST", "/api/uploads?name=a.jpg", b"x" * 10_001)[0] == 400
        chunks = (b"x" * 1000 for _ in range(20))  # no length is said
        connection = http.client.HTTPConnection(client.host)
        cookie = "; ".join(f"{k}={v}" for k, v in client.cookies.items())
        connection.request("POST", "/api/uploads?name=a.jpg", chunks, {"Cookie": cookie}, encode_chunked=True)
        assert connection.getresponse().status == 400
        connection.close()
        assert not [*(tmp_path / "s" / "uploads").iterdir()]
        assert client.ask("POST", "/api/uploads?name=a.jpg", b"x" * 10_000)[0] == 201


def test_results_are_found_again_and_what_was_in_work_is_said_to_be_lost(stand_in, tmp_path):
    with serving(tmp_path / "s") as address:
        client = Client(address).open()
        done, slow = client.order("me.jpg"), client.order("slow.jpg")
        client.wait(done["id"], "done"), client.wait(slow["id"], "working")
    with serving(tmp_path / "s") as address:
        again = Client(address)
        (name, secret), port = next(iter(client.cookies.items())), again.host.rpartition(":")[2]
        again.cookies = {f"{name.rpartition('-')[0]}-{port}": secret}
        assert again.job(done["id"])["results"] and again.job(slow["id"])["state"] == "lost"
        assert again.ask("GET", f"/api/jobs/{done['id']}/files/me/face-1/head.glb")[2] == GLB
        assert again.json("DELETE", f"/api/jobs/{done['id']}") == {} and again.job(done["id"]) is None
        assert not (tmp_path / "s" / "jobs" / done["id"]).exists()


def test_a_job_in_work_cannot_be_deleted(client):
    job = client.order("slow.jpg")
    assert "cancel it first" in client.json("DELETE", f"/api/jobs/{job['id']}", status=400)["error"]
    client.json("POST", f"/api/jobs/{job['id']}/cancel")


def test_hostile_names_stay_text(client):
    name = "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E.jpg"
    body = {"kind": "face", "uploads": [client.send(name)]}
    job = client.wait(client.json("POST", "/api/jobs", body, 201)["id"], "done")
    assert job["names"] == ["<img src=x onerror=alert(1)>.jpg"]
    assert job["results"][0]["folder"] == "img_src_x_onerror_alert_1/face-1"


def test_assets_are_whole_and_name_no_other_place(client):
    for name, (kind, folder) in ASSETS.items():
        status, headers, content = client.ask("GET", f"/assets/{name}")
        assert status == 200 and headers["content-type"].startswith(kind) and content == asset(name, folder)
    for name, (_, folder) in [*ASSETS.items(), ("index.html", ("", "web/data")), ("login.html", ("", "web/data"))]:
        text = asset(name, folder).decode().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text and "https://" not in text and "innerHTML" not in text, name
        assert " style=" not in text and "onclick=" not in text, f"{name}: the rules forbid it"


@pytest.mark.slow
def test_memory_is_flat_over_five_thousand_requests(client):
    from pathlib import Path

    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

    job = client.wait(client.order("me.jpg")["id"], "done")
    paths = (
        "/",
        "/api/state",
        "/api/jobs",
        f"/api/jobs/{job['id']}/zip",
        f"/view/{job['id']}/0",
        "/assets/app.js",
        "/nothing",
    )

    def ask(count):
        for number in range(count):
            if number % 10 == 0:
                client.json("DELETE", f"/api/uploads/{client.send(data=bytes(100_000))}")
            client.ask("GET", paths[number % len(paths)])

    ask(500)
    before = resident()
    ask(5000)
    assert resident() - before < 20, "megabytes"
