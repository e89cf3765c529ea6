"""The customers of customers.yaml, and where each sends its flow records."""

import pulumi

from pulumi_fusion import catalog

customers = catalog.read("customers.yaml").declare()
ingest = {name: pulumi.Output.format("{0}:{1}", each.ingest_ip, each.ingest_port) for name, each in customers.items()}
pulumi.export("ingest", ingest)
