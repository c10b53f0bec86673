from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tramontane.api.page import add_page


def client_of(folder: Path) -> httpx.AsyncClient:
    app = FastAPI()
    add_page(app, folder)
    return httpx.AsyncClient(base_url="http://localhost", transport=httpx.ASGITransport(app))


@pytest.fixture
def page(tmp_path: Path) -> Path:
    folder = tmp_path / "page"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Tramontane</title>")
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "assets" / "index-1a2b.js").write_text("let x")
    (tmp_path / "secret.txt").write_text("not for you")
    return folder


async def test_page_is_asked_for_anew_and_assets_are_kept(page: Path) -> None:
    async with client_of(page) as client:
        index = await client.get("/")
        assert "<title>Tramontane</title>" in index.text
        assert index.headers["content-type"].startswith("text/html")
        assert index.headers["cache-control"] == "no-cache"
        icon = await client.get("/favicon.svg")
        assert icon.headers["content-type"].startswith("image/svg+xml")
        asset = await client.get("/assets/index-1a2b.js")
        assert "immutable" in asset.headers["cache-control"]
        assert "javascript" in asset.headers["content-type"]
        assert (await client.head("/")).status_code == 200


@pytest.mark.parametrize(
    "path", ["/secret.txt", "/%2e%2e%2fsecret.txt", "/assets/%2e%2e/%2e%2e/secret.txt", "/assets", "/page"]
)
async def test_nothing_else_is_served(page: Path, path: str) -> None:
    async with client_of(page) as client:
        response = await client.get(path)
        assert response.status_code in (404, 307)
        assert "not for you" not in response.text


async def test_says_how_to_build_it(tmp_path: Path) -> None:
    async with client_of(tmp_path) as client:
        response = await client.get("/")
        assert response.status_code == 503
        assert "make install" in response.text
