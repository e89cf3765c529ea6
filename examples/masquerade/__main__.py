"""A customer, and a look inside it after onboarding: is the first admin there? It reads, and changes nothing."""

import pulumi

from pulumi_fusion import Customer, masquerade

acme = Customer(
    "acme",
    email="admin@acme.example.com",
    given_name="Skippy",
    family_name="Longbottom",
    organization="Acme Corporation",
    shortname="acme-corp",
    type="SLG",
    status="Active",
    data_retention=90,
    rollup_retention=365,
    deletion_protection=False,
)


def checkup(customer_id: str) -> str | None:
    # A program runs during a preview as well; there the block ends at its first use of the session.
    with masquerade("acme-corp", reason="checkup after onboarding", skip_in_preview=True) as session:
        admins = [user.email for user in session.client.list_users() if user.roles == ["admin"]]
        return f"{customer_id}: {', '.join(map(str, admins)) or 'nobody'} may administer it"
    return None


# The id is known once the customer is there, so the checkup comes after it.
pulumi.export("checkup", acme.customer_id.apply(checkup))
