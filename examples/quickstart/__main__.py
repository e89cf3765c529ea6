"""Three customers of a managed-security provider: a reseller, a direct customer and a trial."""

import pulumi

from pulumi_fusion import Customer

# Deletion protection is on by default for an Active customer; here it is off so that `run destroy` can work.

harbor = Customer(
    "harbor",
    email="soc@harbor.example.com",
    given_name="Mara",
    family_name="Lindqvist",
    organization="Harbor Managed Security",
    shortname="harbor",
    type="MSSP",
    status="Active",
    contractual_flows_per_second=5000,
    multi_account=True,
    internal=False,
    data_retention=90,
    rollup_retention=365,
    deletion_protection=False,
)

lakeside = Customer(
    "lakeside",
    email="it@lakeside.example.com",
    given_name="Tomás",
    family_name="Okafor",
    organization="Lakeside County",
    shortname="lakeside",
    type="SLG",
    status="Active",
    contractual_flows_per_second=1200,
    data_retention=45,
    rollup_retention=180,
    deletion_protection=False,
)

# A trial is not protected by default, and has no contract yet: a field that is not set is not managed.
orchard = Customer(
    "orchard",
    email="ops@orchard.example.com",
    given_name="Priya",
    family_name="Nair",
    organization="Orchard Foods",
    shortname="orchard-trial",
    type="SLG",
    status="Trial Active",
    data_retention=7,
    rollup_retention=7,
)

pulumi.export("customer_ids", {"harbor": harbor.customer_id, "lakeside": lakeside.customer_id})
# The service may assign the address after it created the customer.
pulumi.export(
    "trial_sends_flows_to",
    pulumi.Output.all(orchard.ingest_ip, orchard.ingest_port).apply(
        lambda address: "{}:{}".format(*address) if all(address) else "not assigned yet: run it again"
    ),
)
