"""The web page: static files that Vite has built into `page/`."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

PAGE = Path(__file__).parent / "page"
# Vite puts a hash of the content into each asset's name
FOR_EVER = "public, max-age=31536000, immutable"
NOT_BUILT = (
    "The page is not built yet: run `make install` in Tramontane's folder and start the server again.\n"
    "The API works without it: see /v1/models.\n"
)


class _Assets(StaticFiles):
    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        response.headers["Cache-Control"] = FOR_EVER
        return response


def add_page(app: FastAPI, folder: Path = PAGE) -> None:
    """Serve the page in `folder` at /, or say how to build it."""
    if not (folder / "index.html").is_file():
        app.add_api_route("/", _not_built, methods=["GET"], include_in_schema=False)
        return
    files = {path.name: path for path in folder.iterdir() if path.is_file()}

    def index() -> FileResponse:
        return FileResponse(files["index.html"], headers={"Cache-Control": "no-cache"})

    def file(name: str) -> FileResponse:
        # only names seen at the start: nothing of the request becomes a path
        if name not in files:
            raise HTTPException(404, f"There is no page {name!r} here.")
        return FileResponse(files[name], headers={"Cache-Control": "no-cache"})

    app.add_api_route("/", index, methods=["GET", "HEAD"], include_in_schema=False)
    app.mount("/assets", _Assets(directory=folder / "assets", check_dir=False))
    app.add_api_route("/{name}", file, methods=["GET", "HEAD"], include_in_schema=False)


def _not_built() -> Response:
    return PlainTextResponse(NOT_BUILT, 503)
