"""The API's own page: Swagger UI over ``/openapi.json``, every byte of it served from here."""

from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, redirect, send_from_directory
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

OURS = Path(__file__).parent
SWAGGER_UI = Path(str(files("flask_swagger_ui") / "dist"))
ASSETS = {
    "docs.js": OURS,
    "favicon-32x32.png": SWAGGER_UI,
    "swagger-ui-bundle.js": SWAGGER_UI,
    "swagger-ui.css": SWAGGER_UI,
}
# Should the page ever name another host, the browser will not go there.
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"

blp = Blueprint("docs", __name__)


@blp.get("/")
def lead_in() -> BaseResponse:
    """Lead whoever opens the address of the API to its page; relative, for proxies that serve it below a path."""
    return redirect("docs")


@blp.get("/docs")
def show_page() -> Response:
    """Show the page."""
    page = send_from_directory(OURS, "docs.html")
    page.headers["Content-Security-Policy"] = POLICY
    return page


@blp.get("/docs/<name>")
def show_asset(name: str) -> Response:
    """Send a part of the page."""
    if name not in ASSETS:
        raise NotFound
    return send_from_directory(ASSETS[name], name, max_age=3600)
