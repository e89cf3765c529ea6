"""One customer for each entry of the stack's configuration, and where each sends its flow records."""

import pulumi

from pulumi_fusion import Customer, CustomerStatus

config = pulumi.Config()
administrator = config.require_object("administrator")

customers = {
    declared["shortname"]: Customer(
        declared["shortname"],
        **administrator,
        **declared,
        # Deletion protection makes the provider refuse a deletion; protect also keeps the resource in the stack.
        opts=pulumi.ResourceOptions(protect=declared["status"] == CustomerStatus.ACTIVE.value),
    )
    for declared in config.require_object("customers")
}


def ingest(customer: Customer) -> pulumi.Output[str]:
    """Return where the customer sends its flow records; the service may assign that after it created the customer."""
    return pulumi.Output.all(customer.ingest_ip, customer.ingest_port).apply(
        lambda address: "{}:{}".format(*address) if all(address) else "not assigned yet: run `pulumi up` again"
    )


pulumi.export("ingest", {name: ingest(each) for name, each in customers.items()})
