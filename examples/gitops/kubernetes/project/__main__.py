"""The customers of one account, which are in the catalog with the name of the stack."""

import pulumi

from pulumi_fusion import catalog

config = pulumi.Config()
# From a Secret, so that no person is in this repository, in a log or in the status of the Stack. The program fails
# without them, so it never runs with a configuration that was lost.
first_admin = {
    "email": config.require_secret("email"),
    "given_name": config.require_secret("givenName"),
    "family_name": config.require_secret("familyName"),
}

customers = catalog.read(f"customers/{pulumi.get_stack()}.yaml").declare(defaults=first_admin)
pulumi.export(
    "ingest",
    {name: pulumi.Output.format("{0}:{1}", each.ingest_ip, each.ingest_port) for name, each in customers.items()},
)
