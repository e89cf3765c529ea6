"""Read the customers of an account, and compare them with the fields of a catalog. Sends only reads."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pulumi_fusion.api.client import FusionClient
from pulumi_fusion.catalog.entries import FLOWS
from pulumi_fusion.catalog.writing import BLANK, Scalar
from pulumi_fusion.customer.mapping import FORM_TYPES, INTERNAL_TYPE, api_type, known_type, merge, same_text
from pulumi_fusion.customer.model import FIELDS, Account, AccountType, State
from pulumi_fusion.errors import BadRequest, Forbidden, NotFound, Refusal
from pulumi_fusion.operations.cache import LONGEST_LIST

__all__ = ["Difference", "Live", "read_live", "type_fields"]

_UNDOCUMENTED: Final = ("organization", "type", "fps")
"""What only some services show in a record, by the attribute of an Account."""


class Difference(NamedTuple):
    """A field that the catalog has with another value than the service; None if one of them lacks it."""

    field: str
    declared: Any
    live: Scalar | None


@dataclass(frozen=True)
class Live:
    """What the service shows of an account's direct customers.

    Args:
        account: The shortname of the account.
        customers: Its direct customers, by shortname.
        types: The service's account types; empty if no record has a type, or if they can't be listed.
        deeper: How many customers of customers the list contained.
        is_cut: The list is as long as a list can be, so it may lack customers.
        without: The Python names of fields that a catalog need not have, since the program sets them.
        elsewhere: The wanted customers that exist and aren't direct ones, with their parent if it is shown.
        unread: The wanted customers that the list lacks and that weren't read one by one.
        unlisted: How many direct customers the list lacks although it isn't cut.
    """

    account: str
    customers: Mapping[str, Account]
    types: Sequence[AccountType] = ()
    deeper: int = 0
    is_cut: bool = False
    without: Collection[str] = ()
    elsewhere: Mapping[str, str | None] = field(default_factory=dict)
    unread: Sequence[str] = ()
    unlisted: int = 0

    def lacks_flows(self, account: Account) -> bool:
        """Return whether a customer has no flows: the service shows none for it, and some for others."""
        return account.fps is None and any(each.fps is not None for each in self.customers.values())

    def parents_without_type(self) -> list[str]:
        """Return the customers that have customers of their own, and whose type the service doesn't show."""
        return [name for name, each in self.customers.items() if not each.type and (each.children or each.is_parent)]

    def shown(self, account: Account) -> Mapping[str, Scalar]:
        """Return the fields that the record of a customer has, by Python name.

        The type is that of the form. An empty text isn't a value.
        """
        values = merge(account, State(), self.types)
        shown = {name: getattr(values, name) for name in FIELDS if name != "shortname"}
        if account.type:
            shown["type"] = _declared_type(account.type, self.types)
        return {name: value for name, value in shown.items() if value not in (None, BLANK)}

    def fields(self, account: Account) -> dict[str, Scalar]:
        """Return the fields of a customer by Python name; a required one that isn't shown is blank.

        The flows are blank as well if the service doesn't show them: an update without them may reset them.
        """
        blank = {name for name, spec in FIELDS.items() if spec.required and name != "shortname"}
        if not any(getattr(each, name) is not None for each in self.customers.values() for name in _UNDOCUMENTED):
            blank.add(FLOWS)
        fields = {**dict.fromkeys(blank, BLANK), **self.shown(account)}
        return {name: value for name, value in fields.items() if name not in self.without}

    def differences(self, declared: Mapping[str, Any], account: Account) -> list[Difference]:
        """Return the fields in which a customer of a catalog differs from the service.

        A field that the catalog doesn't manage, or the service doesn't show, isn't compared, apart from flows that the
        service shows for other customers only.

        Args:
            declared: The fields of the customer, with the defaults, by Python name.
            account: The customer as the service returns it.
        """
        managed = {name for name, spec in FIELDS.items() if spec.required and name not in self.without} | {*declared}
        shown = {name: value for name, value in self.shown(account).items() if name in managed}
        live_type = shown.pop("type", None)
        found = [
            Difference(name, declared.get(name), live)
            for name, live in shown.items()
            if not same_text(live, declared.get(name))
        ]
        if declared.get(FLOWS) not in (None, BLANK) and self.lacks_flows(account):
            found.append(Difference(FLOWS, declared[FLOWS], None))
        if live_type is not None:
            wanted = _wanted_type(declared, self.types)
            if wanted != account.type:
                normal = _declared_type(wanted, self.types) if isinstance(wanted, str) else wanted
                found.append(Difference("type", normal, live_type))
        return found


def read_live(
    fusion: FusionClient,
    wanted: Collection[str] = (),
    *,
    types: bool = False,
    without: Collection[str] = (),
    at_most: int = 0,
) -> Live:
    """Return the direct customers of the account of a client.

    Args:
        fusion: The client.
        wanted: Customers to read one by one if the list lacks them: all if it is cut.
        types: Whether to read the account types, also if no record has a type.
        without: The Python names of fields that a catalog need not have, since the program sets them.
        at_most: How many customers to read one by one if the list isn't cut.

    Raises:
        FusionError: The customers can't be read, or two have the same shortname.
    """
    answer = fusion.list_customers()
    is_cut = len(answer) >= LONGEST_LIST
    listed = {each.shortname: each for each in answer if each.shortname != fusion.account}

    def is_direct(account: Account) -> bool:
        if account.parent is None:
            return is_cut or account.shortname in listed
        # Whether case matters is not published.
        return account.parent.casefold() == fusion.account.casefold()

    _refuse_duplicates(each for each in answer if is_direct(each))
    names = {name.casefold() for name in listed}
    lacking = [name for name in wanted if name not in listed and (is_cut or name.casefold() not in names)]
    read, unread = _one_by_one(fusion, lacking, len(lacking) if is_cut else at_most)
    found = {**listed, **read}
    direct = {name: found[name] for name in sorted(found) if is_direct(found[name])}
    types = types or any(each.type is not None for each in direct.values())
    return Live(
        fusion.account,
        direct,
        _types(fusion) if types else (),
        len(listed.keys() - direct.keys()),
        is_cut,
        without,
        elsewhere={name: found[name].parent for name in wanted if name in found and name not in direct},
        unread=unread,
        unlisted=0 if is_cut else len(read.keys() & direct.keys()),
    )


def _refuse_duplicates(accounts: Iterable[Account]) -> None:
    """Raise Refusal if two accounts have the same shortname. The same account may be there twice."""
    ids: dict[str, list[str]] = {}
    for each in set(accounts):
        ids.setdefault(each.shortname, []).append(each.id or "unknown")
    twice = [f"{name!r} with the ids {' and '.join(sorted(ids[name]))}" for name in sorted(ids) if len(ids[name]) > 1]
    if twice:
        raise Refusal(
            "distinguish customers",
            f"the service lists several with the same shortname: {'; '.join(twice)}",
            next_step="A catalog and the provider know a customer by its shortname: ask the service's support to "
            "rename or remove one.",
        )


def _one_by_one(fusion: FusionClient, names: Sequence[str], at_most: int) -> tuple[dict[str, Account], list[str]]:
    """Return those of the customers that exist, and the shortnames of those that weren't or can't be read."""
    found, unread = {}, [*names[at_most:]]
    for shortname in names[:at_most]:
        try:
            found[shortname] = fusion.get_customer(shortname)
        except NotFound:
            continue
        except Forbidden:
            unread.append(shortname)
    return found, unread


def _types(fusion: FusionClient) -> Sequence[AccountType]:
    try:
        return fusion.list_customer_types()
    except (BadRequest, Forbidden, NotFound):
        return ()


def _declared_type(api: str, types: Sequence[AccountType]) -> str:
    """Return the type of the form that means this type of the API without a toggle, else the API's own."""
    found = (each for each in FORM_TYPES if api_type(each, multi_account=False, internal=False, listed=types) == api)
    return next(found, api)


def type_fields(account: Account, inherited: Mapping[str, Any], types: Sequence[AccountType] = ()) -> dict[str, Scalar]:
    """Return the type that the service shows, with the toggles that are needed because of the inherited fields.

    Args:
        account: The customer as the service returns it.
        inherited: The fields that the entry has or inherits from the defaults.
        types: The service's account types.
    """
    if not account.type:
        return {}
    needed: dict[str, Scalar] = {"type": _declared_type(account.type, types)}
    multi_account, internal = inherited.get("multi_account"), inherited.get("internal")
    is_internal = account.type == INTERNAL_TYPE
    if internal is not None and internal != is_internal:
        needed["internal"] = is_internal
    reseller = api_type("MSSP", multi_account=False, internal=False, listed=types)
    if multi_account and not is_internal and account.type != reseller:
        needed["multi_account"] = False
    return needed


def _wanted_type(declared: Mapping[str, Any], types: Sequence[AccountType]) -> Any:
    """Return the API's type for that of a catalog with its toggles, or the type as it is if it is unknown."""
    multi_account, internal = declared.get("multi_account") is True, declared.get("internal") is True
    values = State.model_construct(type=declared.get("type"), multi_account=multi_account, internal=internal)
    return known_type(values, types) or declared.get("type")
