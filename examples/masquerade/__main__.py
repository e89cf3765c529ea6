"""A customer, and a read-only session inside it that checks whether the first admin exists."""

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
    """Return a sentence that names the admins of the customer, or None in a preview."""
    # A program also runs during a preview; then the block ends at its first use of the session.
    with masquerade("acme-corp", reason="checkup after onboarding", skip_in_preview=True) as session:
        admins = [user.email for user in session.client.list_users() if user.roles == ["admin"]]
        return f"{customer_id}: {', '.join(map(str, admins)) or 'nobody'} may administer it"
    return None


# The id is known after the customer was created, so the checkup runs then.
pulumi.export("checkup", acme.customer_id.apply(checkup))
