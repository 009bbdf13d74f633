"""Which pages may use the API: the desk's own, and those of the origins in the settings."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from fakes import ScriptedEngine, serving

from adapters.web_chat import build
from adapters.web_problems import TYPE_PREFIX
from bot.errors import SettingsError
from bot.settings import Settings, load_settings

SHOP, OTHER = "https://www.shop.example", "https://evil.example"


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    app = build(ScriptedEngine(), Settings(allowed_origins=f"{SHOP}, http://localhost:3000"))
    with serving(app) as address, httpx.Client(base_url=address) as client:
        yield client


def preflight(client: httpx.Client, origin: str) -> httpx.Response:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,shopdesk-visitor,last-event-id",
    }
    return client.options("/api/conversations/x/messages", headers=asked)


def test_an_allowed_origin_gets_all_that_the_widget_needs_and_no_cookies(client: httpx.Client) -> None:
    response = preflight(client, SHOP)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == SHOP
    granted = {name.strip().lower() for name in response.headers["access-control-allow-headers"].split(",")}
    assert {"content-type", "shopdesk-visitor", "last-event-id"} <= granted
    assert {"POST", "PUT", "DELETE"} <= set(response.headers["access-control-allow-methods"].split(", "))
    started = client.post("/api/conversations", headers={"Origin": SHOP})
    assert started.status_code == 201
    assert started.headers["access-control-allow-origin"] == SHOP
    assert "Origin" in started.headers["vary"]
    assert "access-control-allow-credentials" not in started.headers
    assert "set-cookie" not in started.headers


def test_a_refusal_for_an_allowed_origin_can_be_read_too(client: httpx.Client) -> None:
    unknown = client.get("/api/conversations/nobody", headers={"Origin": SHOP})
    assert (unknown.status_code, unknown.headers["access-control-allow-origin"]) == (404, SHOP)
    assert "retry-after" in unknown.headers["access-control-expose-headers"].lower()


@pytest.mark.parametrize(
    "origin", [OTHER, "null", "https://www.shop.example.evil.example", "http://www.shop.example", ""]
)
def test_any_other_origin_is_refused_and_nothing_is_done(client: httpx.Client, origin: str) -> None:
    for response in (client.post("/api/conversations", headers={"Origin": origin}), preflight(client, origin)):
        assert (response.status_code, response.json()["type"]) == (403, TYPE_PREFIX + "origin-not-allowed")
        assert response.headers["content-type"] == "application/problem+json"
        assert "allowed_origins" in response.json()["detail"]
        assert response.headers["x-content-type-options"] == "nosniff"


def test_the_desks_own_page_and_programs_need_no_permission(client: httpx.Client) -> None:
    own = str(client.base_url).rstrip("/")
    assert client.post("/api/conversations", headers={"Origin": own}).status_code == 201
    assert client.post("/api/conversations").status_code == 201
    assert client.get("/widget.js", headers={"Origin": OTHER}).status_code == 200


@pytest.mark.parametrize("value", ["shop.example", "https://shop.example/", "*", "https://a.example b.example"])
def test_what_is_no_origin_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SHOPDESK_ALLOWED_ORIGINS", value)
    with pytest.raises(SettingsError, match="is no origin; give scheme and host alone"):
        load_settings()
