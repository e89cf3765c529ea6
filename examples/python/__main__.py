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
        # Deletion protection stands on the service's side of a mistake; protect keeps the resource in the stack too.
        opts=pulumi.ResourceOptions(protect=declared["status"] == CustomerStatus.ACTIVE.value),
    )
    for declared in config.require_object("customers")
}

pulumi.export(
    "ingest",
    {name: pulumi.Output.format("{0}:{1}", each.ingest_ip, each.ingest_port) for name, each in customers.items()},
)
