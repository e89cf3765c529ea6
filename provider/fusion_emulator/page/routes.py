"""The routes of the page: itself, its live parts, and its forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as Redirect

from fusion_emulator.exchange import current
from fusion_emulator.faults import Fault, MalformedFault
from fusion_emulator.page import views
from fusion_emulator.page.customers import Search, customers, tree
from fusion_emulator.page.protection import FIELD, has_form_token, restrict
from fusion_emulator.page.texts import unix_seconds, visible
from fusion_emulator.switches import Switches, UnknownSwitch

__all__ = ["routes"]

routes = Blueprint(
    "page",
    __name__,
    url_prefix="/_emulator",
    template_folder="templates",
    static_folder="static",
    static_url_path="/page/static",
)

routes.after_request(restrict)
routes.add_app_template_filter(visible)

_DONE: Final = {
    "fault": ("faults", "The fault is set."),
    "removed": ("faults", "The fault is removed."),
    "cleared": ("faults", "All faults are removed."),
    "switch": ("switches", "The switch is changed."),
    "reset": ("switches", "All switches have their defaults."),
    "clock": ("clock", "The clock is changed."),
    "requests": ("requests", "The list of requests is empty."),
}
"""The part of the page with a form, and what the form did, by the name that the address of the page then has."""

_LONGEST_SEARCH: Final = 100


@routes.app_template_filter("code")
def code(text: str) -> Markup:
    """Return a text with its parts between backquotes as code."""
    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(each) if n % 2 else each for n, each in enumerate(parts))


@routes.before_request
def require_form_token() -> Response | None:
    """Answer a form of another page, or from before a restart of the emulator, with 403 and the page."""
    if request.method != "POST" or has_form_token():
        return None
    return _page(403, problem="That form was from before a restart of the emulator. Nothing was changed. Try it now.")


@routes.get("/")
def show() -> Response:
    """Show the page."""
    return _page()


@routes.get("/page/live")
def live() -> Response:
    """Show the parts of the page that change by themselves, or 304 if the browser has the present ones."""
    exchange = current()
    emulator, service = exchange.emulator, exchange.service
    sessions = views.sessions(emulator, service)
    version = emulator.page_state.version(
        service.state,
        sessions.version,
        (emulator.requests.total, emulator.requests[-1:]),
        [(fault.text, fault.used, fault.left, fault.skip) for fault in (*emulator.faults, *emulator.faults.ended())],
        emulator.switches,
        service.clock.ahead,
        _search(),
    )
    response = make_response()
    response.set_etag(version)
    if version in request.if_none_match:
        response.status_code = 304
        return response
    response.set_data(render_template("live.html", **_shown(sessions=sessions)))
    return response


@routes.post("/page/faults")
def set_fault() -> Response | Redirect:
    """Set a fault."""
    line = request.form.get("line", "")
    try:
        current().emulator.faults.extend([line])
    except MalformedFault as wrong:
        return _page(422, fault_line=line, fault_problem=visible(wrong))
    return _back("fault", to="faults", fault=views.fault_id(Fault.parse(line)))


@routes.post("/page/faults/remove")
def remove_fault() -> Redirect:
    """Remove a fault, which may have ended meanwhile."""
    faults = current().emulator.faults
    wanted: list[Fault] = [each for each in faults if views.fault_id(each) == request.form.get("fault")]
    if wanted:
        faults.remove(wanted[0])
    return _back("removed", to="faults")


@routes.post("/page/faults/clear")
def clear_faults() -> Redirect:
    """Remove all faults."""
    current().emulator.faults.clear()
    return _back("cleared", to="faults")


@routes.post("/page/switches")
def change_switch() -> Response | Redirect:
    """Change a switch to a value, or to its default."""
    name, value = request.form.get("name", ""), request.form.get("value", "")
    try:
        current().emulator.switch_by_text(f"{name}={value}")
    except UnknownSwitch as wrong:
        return _page(422, switch_name=name, switch_value=value, switch_problem=visible(wrong))
    return _back("switch", to=f"switch-{name}")


@routes.post("/page/switches/reset")
def reset_switches() -> Redirect:
    """Give all switches their defaults."""
    current().emulator.switches = Switches()
    return _back("reset", to="switches")


@routes.post("/page/clock")
def change_clock() -> Response | Redirect:
    """Let time pass, set the clock, or let it show the machine's time again."""
    clock, form = current().service.clock, request.form
    try:
        if "advance" in form:
            clock.advance(float(form["advance"]))
        elif "set" in form:
            clock.set(unix_seconds(form["set"]))
        else:
            clock.reset()
    except ValueError as wrong:
        return _page(422, clock_value=form.get("set", ""), clock_problem=visible(wrong))
    return _back("clock", to="clock")


@routes.post("/page/requests/clear")
def clear_requests() -> Redirect:
    """Clear the list of requests."""
    current().emulator.requests.clear()
    return _back("requests", to="requests")


def _page(status: int = 200, **more: Any) -> Response:
    """Return the page; ``more`` has what was wrong with a form."""
    shown = _shown(sessions=views.sessions(current().emulator, current().service))
    return make_response(render_template("page.html", **{**shown, "done": _done(), **more}), status)


def _done() -> Mapping[str, str] | None:
    """Return what a form did and the part that has the form, unless the fault that it set has ended."""
    part, text = _DONE.get(request.args.get("done", ""), ("", ""))
    fault = request.args.get("fault", "")
    if not part or (fault and fault not in map(views.fault_id, current().emulator.faults)):
        return None
    return {"part": part, "text": text, "fault": fault}


def _shown(*, sessions: views.Sessions) -> Mapping[str, Any]:
    """Return what the templates show."""
    exchange = current()
    emulator, state = exchange.emulator, exchange.service.state
    return {
        "sessions": sessions,
        "customers": customers(state, emulator.switches, _search()),
        "tree": tree(state, emulator.switches),
        "requests": views.requests(emulator),
        "faults": views.faults(emulator),
        "switches": views.switches(emulator.switches),
        "mails": views.mails(state),
        "clock": views.clock(exchange.service.clock),
        "url": emulator.url,
        "audit": visible(emulator.page_state.audit.absolute()) if emulator.page_state.audit else "",
        "form_field": FIELD,
        "form_token": emulator.page_state.form_token,
        "common_faults": views.COMMON_FAULTS,
        "fault_kinds": views.fault_kinds(),
        "place": _place(),
    }


def _search() -> Search:
    page = request.args.get("page", "1")
    number = int(page) if page.isascii() and page.isdecimal() and len(page) < 7 else 1
    return Search(request.args.get("q", "").strip()[:_LONGEST_SEARCH], max(1, number))


def _place() -> dict[str, Any]:
    """Return the parameters of the address that select what the page shows."""
    search = _search()
    return {**({"q": search.text} if search.text else {}), **({"page": str(search.page)} if search.page > 1 else {})}


def _back(done: str, *, to: str, fault: str | None = None) -> Redirect:
    """Redirect to a part of the page, so that a reload doesn't send a form again (RFC 9110 section 15.4.4)."""
    return redirect(url_for("page.show", **_place(), done=done, fault=fault, _anchor=to), 303)
