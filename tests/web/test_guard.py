"""Who may ask: no other site through its visitor's browser, no other browser, nobody without the token."""

from __future__ import annotations

import pytest

from served import Client, serving

TOKEN = "a-token-of-some-length"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[", "localhost.evil", "10.0.0.1"]
)
def test_a_name_that_was_made_to_point_here_is_refused(client, host):
    assert client.ask("GET", "/api/jobs", Host=host)[0] in (400, 421)


def test_its_own_names_are_not(client):
    port = client.host.rpartition(":")[2]
    for name in ("localhost", "127.0.0.1", "[::1]", "LOCALHOST"):
        assert client.ask("GET", "/api/jobs", Host=f"{name}:{port}")[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
    ids=str,
)
def test_other_sites_change_nothing_here(client, headers):
    assert client.ask("POST", "/api/uploads?name=a.jpg", b"x", **headers)[0] == 403
    assert client.ask("POST", "/api/jobs", b"{}", **headers)[0] == 403


def test_other_sites_read_nothing_but_may_link_here(client):
    across = {"Sec_Fetch_Site": "cross-site"}
    assert client.ask("GET", "/api/jobs", **across)[0] == 403
    assert client.ask("GET", "/", **across, Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="iframe")[0] == 403
    assert client.ask("GET", "/", **across, Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document")[0] == 200


def test_the_page_itself_is_let_in(client):
    own = {"Origin": f"http://{client.host}", "Sec_Fetch_Site": "same-origin"}
    assert client.ask("POST", "/api/uploads?name=a.jpg", b"x", **own)[0] == 201


def test_every_answer_has_its_rules(client):
    for path in ("/", "/api/state", "/api/nothing", "/assets/app.js", "/nothing"):
        headers = client.ask("GET", path)[1]
        rules = headers["content-security-policy"]
        assert "default-src 'none'" in rules and "unsafe" not in rules and "http" not in rules, path
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin" and "server" not in headers


def test_a_browser_s_secret_is_its_own(server):
    first, second = Client(server).open(), Client(server).open()
    assert len({*first.cookies.values(), *second.cookies.values()}) == 2
    header = Client(server).ask("GET", "/")[1]["set-cookie"]
    assert "HttpOnly" in header and "SameSite=Strict" in header
    before = dict(first.cookies)
    assert first.open().cookies == before, "and it stays"


@pytest.fixture
def closed(stand_in, tmp_path):
    with serving(tmp_path / "served", token=TOKEN) as address:
        yield address


def test_without_the_token_there_is_the_door_alone(closed):
    client = Client(closed)
    assert client.ask("GET", "/")[:2][0] == 303 and client.ask("GET", "/")[1]["location"] == "/login"
    for path in ("/api/jobs", "/api/state", "/assets/app.js", "/view/x/0"):
        assert client.ask("GET", path)[0] == 401, path
    assert client.ask("POST", "/api/uploads?name=a.jpg", b"x")[0] == 401
    assert client.ask("GET", "/login")[0] == client.ask("GET", "/assets/app.css")[0] == 200


@pytest.mark.parametrize("given", ["", "wrong", TOKEN[:-1], TOKEN + "x", "%00", "&&&", "\u00e9"])
def test_another_token_opens_nothing(closed, given):
    client = Client(closed)
    status, _, content = client.ask("POST", "/login", f"token={given}".encode())
    assert status == 401 and b"That is not the token" in content and not client.cookies
    assert client.ask("GET", "/api/jobs", Authorization=f"Bearer {given.encode('ascii', 'ignore').decode()}")[0] == 401


def test_the_token_opens_it_for_good(closed):
    client = Client(closed)
    status, headers, _ = client.ask("POST", "/login", f"token={TOKEN}".encode())
    assert status == 303 and headers["location"] == "/" and TOKEN not in str(headers)
    client.open()
    assert client.json("GET", "/api/jobs") == []
    assert Client(closed).ask("GET", "/api/jobs", Authorization=f"Bearer {TOKEN}")[0] == 200
