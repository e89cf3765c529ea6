"""The routes of the API over the service; https://docs.netography.com/api-reference has the documented side."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from fusion_emulator import accounts, auth, records
from fusion_emulator.accounts import Action, ApiKey, Refused, Role, State, User
from fusion_emulator.auth import Caller
from fusion_emulator.records import Field
from fusion_emulator.service import Service, mint, new_key

__all__ = ["EXCHANGE", "MAX_BODY", "Exchange", "make_app"]

EXCHANGE = "emulator.exchange"
"""Where the environ of a request holds its Exchange."""

MAX_BODY = 1 << 20


@dataclass
class Exchange:
    """What server and app tell each other about one request.

    ``skew``: seconds that the service's clock is ahead; ``stale``: reads that do not see this write, None for as the
    switches say; ``account``: the shortname of the account that the request acts in, once that is known.
    """

    skew: float = 0.0
    stale: int | None = None
    account: str | None = None


def make_app(service: Service) -> Flask:
    """The web application; every answer but those of gateways (no such page) is JSON.

    ``service`` may be a proxy of the one that a request is meant for: nothing of it is kept between requests.
    """
    app = Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of DefaultJSONProvider, which Flask installs

    @app.errorhandler(Refused)
    def refused(refusal: Refused) -> Response:
        return _answer(records.error(refusal.status, refusal.message), refusal.status, refusal.headers)

    @app.errorhandler(HTTPException)
    def gateway(problem: HTTPException) -> Response:
        # Inference: a path that the API does not have is answered by the gateway before it, as a page.
        if problem.code == 404:
            return Response("<html><body><h1>404 Not Found</h1></body></html>\n", 404, mimetype="text/html")
        allowed = problem.valid_methods or () if isinstance(problem, MethodNotAllowed) else ()
        headers = {"Allow": ", ".join(sorted(allowed))} if allowed else {}
        return _answer(records.error(problem.code or 500, problem.name), problem.code or 500, headers)

    _auth_routes(app, service)
    _customer_routes(app, service)
    _user_routes(app, service)
    _role_routes(app, service)
    _key_routes(app, service)
    return app


def _auth_routes(app: Flask, service: Service) -> None:
    @app.post("/api/v1/auth/token")
    def key_token() -> Response:
        body = records.strict(_json_body(), {"jwt": Field(str)})
        return _answer(
            auth.token_for_key(
                service,
                body["jwt"],
                skew=_exchange().skew,
                address=request.remote_addr or "",
            )
        )

    @app.post("/api/auth/bearer/token")
    def user_token() -> Response:
        form = _form("username", "password", status=401)
        return _answer(auth.token_for_user(service, form["username"], form["password"]))

    @app.post("/api/auth/bearer/refresh")
    def refreshed_token() -> Response:
        form = _form("refresh_token", status=400)
        return _answer(auth.refresh(service, form["refresh_token"]))


def _customer_routes(app: Flask, service: Service) -> None:
    @app.get("/api/v1/customers/types")
    def types() -> Response:
        _caller(service, "customers", "fetch")
        return _data(records.type_records(service.switches))

    @app.get("/api/v1/customers")
    def list_customers() -> Response:
        caller = _caller(service, "customers", "fetch")
        return _data(
            [
                records.account_record(state, account, service.switches, below=service.counted(account))
                for state, account in service.list(top=caller.account.id)
            ]
        )

    @app.post("/api/v1/customer")
    def create_customer() -> Response:
        caller = _caller(service, "customers", "create")
        service.count("customer", caller.account.id)
        wanted = records.parse_creation(_json_body(), service.switches)
        account = service.write(
            lambda state: accounts.create(state, caller.account.id, wanted, service.switches, mint=mint),
            shortname=wanted.shortname,
            stale_reads=_exchange().stale,
        )
        return _one(service, records.account_record(service.state, account, service.switches), 201)

    @app.get("/api/v1/customer/access-allowed-ips")
    def allowed_ips() -> Response:
        return _answer(list(_caller(service, "security", "fetch").account.allowed_ips))

    @app.put("/api/v1/customer/access-allowed-ips")
    def allow_ips() -> Response:
        caller = _caller(service, "security", "update")
        body = _json_body()
        if not isinstance(body, list) or not all(type(each) is str for each in body):
            raise Refused(400, "The body is no array of addresses")

        def change(state: State) -> tuple[State, None]:
            account = state.accounts[caller.account.id]
            return accounts.put(state, dataclasses.replace(account, allowed_ips=tuple(body))), None

        service.commit(change)
        return _answer(body, 201)

    @app.get("/api/v1/customer/<shortname>")
    def read_customer(shortname: str) -> Response:
        caller = _caller(service, "customers", "fetch")
        state, account = service.read(shortname, top=caller.account.id, stale=_exchange().stale is not None)
        below = service.counted(account)
        return _one(service, records.account_record(state, account, service.switches, below=below))

    @app.put("/api/v1/customer/<shortname>")
    def update_customer(shortname: str) -> Response:
        caller = _caller(service, "customers", "update")

        def change(state: State) -> tuple[State, accounts.Account]:
            account = _other_account(state, shortname, caller, service)
            wanted = records.parse_update(_json_body(), service.switches)
            return accounts.update(state, account, wanted, service.switches)

        account = service.write(change, shortname=shortname, stale_reads=_exchange().stale)
        return _one(service, records.account_record(service.state, account, service.switches))

    @app.delete("/api/v1/customer/<shortname>")
    def delete_customer(shortname: str) -> Response:
        caller = _caller(service, "customers", "delete")

        def change(state: State) -> tuple[State, None]:
            account = _other_account(state, shortname, caller, service)
            return accounts.delete(state, account, service.switches), None

        service.write(change, shortname=shortname, stale_reads=_exchange().stale)
        return _nothing()


def _user_routes(app: Flask, service: Service) -> None:
    @app.get("/api/v1/users")
    def list_users() -> Response:
        caller = _caller(service, "users", "fetch")
        users = (each for each in service.state.users.values() if each.account == caller.account.id)
        return _data([records.user_record(each) for each in users])

    @app.post("/api/v1/user")
    def create_user() -> Response:
        caller = _caller(service, "users", "create")
        service.count("user", caller.account.id)
        user = _user_of_body(service, caller, mint())
        service.commit(lambda state: (accounts.add_user(state, user, service.switches), None))
        return _one(service, records.user_record(user), 201)

    @app.get("/api/v1/user/<id_>")
    def read_user(id_: str) -> Response:
        caller = _caller(service, "users", "fetch")
        return _one(service, records.user_record(_user(service.state, caller, id_, service)))

    @app.put("/api/v1/user/<id_>")
    def update_user(id_: str) -> Response:
        caller = _caller(service, "users", "update")
        wanted = _user_of_body(service, caller, id_)

        def change(state: State) -> tuple[State, User]:
            user = dataclasses.replace(wanted, password=_user(state, caller, id_, service).password)
            return accounts.change_user(state, user), user

        return _one(service, records.user_record(service.commit(change)))

    @app.delete("/api/v1/user/<id_>")
    def delete_user(id_: str) -> Response:
        caller = _caller(service, "users", "delete")
        service.commit(lambda state: (accounts.remove_user(state, _user(state, caller, id_, service)), None))
        return _nothing()


def _role_routes(app: Flask, service: Service) -> None:
    @app.get("/api/v1/roles/permissions")
    def permissions() -> Response:
        _caller(service, "roles", "fetch")
        return _answer([records.permission_record(each) for each in accounts.AVAILABLE])

    @app.get("/api/v1/roles")
    def list_roles() -> Response:
        caller = _caller(service, "roles", "fetch")
        return _data([records.role_record(each) for each in accounts.roles_of(service.state, caller.account.id)])

    @app.post("/api/v1/roles")
    def create_role() -> Response:
        caller = _caller(service, "roles", "create")
        role = records.parse_role(_json_body(), id_=mint(), account=caller.account.id)
        service.commit(lambda state: (accounts.put_role(state, role), None))
        return _one(service, records.role_record(role), 201)

    @app.get("/api/v1/roles/<id_>")
    def read_role(id_: str) -> Response:
        caller = _caller(service, "roles", "fetch")
        return _one(service, records.role_record(_role(service.state, caller, id_, service)))

    @app.put("/api/v1/roles/<id_>")
    def update_role(id_: str) -> Response:
        caller = _caller(service, "roles", "update")
        body = _json_body()

        def change(state: State) -> tuple[State, Role]:
            if _role(state, caller, id_, service).system:
                raise Refused(400, "A system role cannot be changed")
            role = records.parse_role(body, id_=id_, account=caller.account.id)
            return accounts.put_role(state, role), role

        return _one(service, records.role_record(service.commit(change)))

    @app.delete("/api/v1/roles/<id_>")
    def delete_role(id_: str) -> Response:
        caller = _caller(service, "roles", "delete")
        service.commit(lambda state: (accounts.remove_role(state, _role(state, caller, id_, service)), None))
        return _nothing()


def _key_routes(app: Flask, service: Service) -> None:
    @app.get("/api/v1/api-keys")
    def list_keys() -> Response:
        caller = _caller(service, "api-keys", "fetch")
        return _data([records.key_record(each) for each in service.state.keys if each.account == caller.account.id])

    @app.post("/api/v1/api-keys")
    def create_key() -> Response:
        caller = _caller(service, "api-keys", "create")
        fields = records.parse_key(_json_body(), new=True, roles=_role_names(service, caller))
        key = dataclasses.replace(
            new_key(caller.account.id, appname=fields["appname"], role="", description=fields.get("description")),
            roles=tuple(fields["roles"]),
        )

        def change(state: State) -> tuple[State, None]:
            if any((each.account, each.appname) == (key.account, key.appname) for each in state.keys):
                raise Refused(400, "An API key of this name exists")
            return accounts.put_key(state, key), None

        service.commit(change)
        return _one(service, records.key_record(key, with_appkey=True), 201)

    @app.get("/api/v1/api-keys/<appname>")
    def read_key(appname: str) -> Response:
        caller = _caller(service, "api-keys", "fetch")
        return _one(service, records.key_record(_key(service.state, caller, appname, service)))

    @app.put("/api/v1/api-keys/<appname>")
    def update_key(appname: str) -> Response:
        caller = _caller(service, "api-keys", "update")
        fields = records.parse_key(_json_body(), new=False, roles=_role_names(service, caller))

        def change(state: State) -> tuple[State, ApiKey]:
            old = _key(state, caller, appname, service)
            key = dataclasses.replace(
                old, roles=tuple(fields.get("roles", old.roles)), description=fields.get("description")
            )
            return accounts.put_key(state, key), key

        return _one(service, records.key_record(service.commit(change)))

    @app.put("/api/v1/api-keys/<appname>/regen")
    def regenerate_key(appname: str) -> Response:
        caller = _caller(service, "api-keys", "update")

        def change(state: State) -> tuple[State, ApiKey]:
            old = _key(state, caller, appname, service)
            key = dataclasses.replace(old, appkey=new_key("", appname="", role="").appkey)
            return accounts.put_key(state, key), key

        return _one(service, records.key_record(service.commit(change), with_appkey=True))

    @app.delete("/api/v1/api-keys/<appname>")
    def delete_key(appname: str) -> Response:
        caller = _caller(service, "api-keys", "delete")
        service.commit(lambda state: (accounts.remove_key(state, _key(state, caller, appname, service)), None))
        return _nothing()


def _caller(service: Service, resource: str, action: Action) -> Caller:
    caller = auth.authenticate(service, request.headers.get("Authorization"))
    _exchange().account = caller.account.shortname
    caller.require(resource, action)
    return caller


def _other_account(state: State, shortname: str, caller: Caller, service: Service) -> accounts.Account:
    """The account to change. Inference: an account is changed and deleted from above, not by itself."""
    account = accounts.require(state, shortname, top=caller.account.id, switches=service.switches)
    if account.id == caller.account.id:
        raise Refused(403, "An account is changed from the account above it")
    return account


def _user(state: State, caller: Caller, id_: str, service: Service) -> User:
    user = state.users.get(id_)
    if user is None or user.account != caller.account.id:
        raise Refused(service.switches.absence, "No such user")
    return user


def _role(state: State, caller: Caller, id_: str, service: Service) -> Role:
    for role in accounts.roles_of(state, caller.account.id):
        if role.id == id_:
            return role
    raise Refused(service.switches.absence, "No such role")


def _key(state: State, caller: Caller, appname: str, service: Service) -> ApiKey:
    for key in state.keys:
        if (key.account, key.appname) == (caller.account.id, appname):
            return key
    raise Refused(service.switches.absence, "No such API key")


def _user_of_body(service: Service, caller: Caller, id_: str) -> User:
    names = _role_names(service, caller)
    return records.parse_user(_json_body(), id_=id_, account=caller.account.id, roles=names)


def _role_names(service: Service, caller: Caller) -> list[str]:
    return [role.name for role in accounts.roles_of(service.state, caller.account.id)]


def _exchange() -> Exchange:
    exchange = request.environ[EXCHANGE]
    assert isinstance(exchange, Exchange)  # noqa: S101  # tells the type of what the server put there
    return exchange


def _json_body() -> Any:
    """The body as JSON, read once per request. Raises Refused(400)."""
    if "body" not in g:
        g.body = records.read_json(request.mimetype, request.get_data())
    return g.body


def _form(*names: str, status: int) -> Mapping[str, str]:
    if set(request.form) != set(names):
        raise Refused(status, f"Expected the form fields {', '.join(names)}")
    return {name: request.form[name] for name in names}


def _data(records_: list[dict[str, Any]]) -> Response:
    return _answer(records.envelope(records_))


def _one(service: Service, record: dict[str, Any], status: int = 200) -> Response:
    data = [record] if service.switches.single_as == "list" else record
    return _answer(records.envelope(data, code=status), status)


def _nothing() -> Response:
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def _answer(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(document), status, headers=headers, mimetype="application/json")
