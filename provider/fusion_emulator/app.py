"""The web application: every route of the API, and what it answers to a refusal."""

from __future__ import annotations

import functools
import re
from typing import Final

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import BaseConverter

from fusion_emulator import records
from fusion_emulator.errors import Refused
from fusion_emulator.exchange import current
from fusion_emulator.faults.reach import Route
from fusion_emulator.page import routes as page
from fusion_emulator.reading import MAX_SNAPSHOT
from fusion_emulator.routes import access, clock, control, customers, instance
from fusion_emulator.routes.web import answer, no_content, stale_views

__all__ = ["affected_routes", "make_app"]


_CONVERTER: Final = re.compile(r"<[^:>]*:")


class _App(Flask):
    """Flask, with an answer to OPTIONS that has no body."""

    def make_default_options_response(self) -> Response:
        """Return the methods of the route of this request."""
        allowed = super().make_default_options_response().allow
        return no_content(headers={"Allow": ", ".join(sorted(allowed))})


class _Shortname(BaseConverter):
    """A shortname in a path, which is not the one name that has a route of its own."""

    # Set because the pattern has a slash, from which werkzeug concludes that a value may have one.
    part_isolating = True
    regex = rf"(?!{access.ADDRESSES}\Z)[^/]+"


@functools.cache
def make_app() -> Flask:
    """Return the application of all emulators of a process, since compiling its routes is most of what a start costs.

    The exchange of each request names its emulator. Every answer is JSON, except to a path that the API lacks.
    """
    app = _App(__name__, static_folder=None)
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    # The server has checked the length of each body.
    app.config["MAX_CONTENT_LENGTH"] = MAX_SNAPSHOT
    # The server answers a defect, and writes it down once.
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of DefaultJSONProvider, which Flask installs
    app.url_map.converters["shortname"] = _Shortname
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _gateway)
    for routes in (access, customers, control, clock, instance, page):
        app.register_blueprint(routes.routes)
    return app


@functools.cache
def affected_routes() -> tuple[Route, ...]:
    """Return the routes that faults affect: all but the control routes."""
    app = make_app()
    return tuple(
        Route(
            _CONVERTER.sub("<", rule.rule),
            frozenset(rule.methods or ()),
            app.view_functions[rule.endpoint] in stale_views,
        )
        for rule in app.url_map.iter_rules()
        if not control.controls(rule.rule)
    )


def _refused(refusal: Refused) -> Response:
    return answer(records.error(refusal.status, refusal.message), refusal.status, refusal.headers)


def _gateway(problem: HTTPException) -> Response:
    current().unmatched = problem.code in (404, 405)
    if problem.code == 404 and control.controls(request.path):
        message = f"There is no control route {request.path!r}; {control.PREFIX}openapi.json lists them"
        return answer(records.error(404, message), 404)
    # Inference: a path that the API does not have is answered by the gateway before it, as a page.
    if problem.code == 404:
        return Response("<html><body><h1>404 Not Found</h1></body></html>\n", 404, mimetype="text/html")
    allowed = ", ".join(sorted(problem.valid_methods or ())) if isinstance(problem, MethodNotAllowed) else ""
    message = f"{problem.name}: expected {allowed}" if allowed and control.controls(request.path) else problem.name
    return answer(
        records.error(problem.code or 500, message), problem.code or 500, {"Allow": allowed} if allowed else {}
    )
