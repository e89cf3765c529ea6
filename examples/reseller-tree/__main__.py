"""The customers of the account that the stack's configuration names."""

import pulumi

from pulumi_fusion import Customer

customers = [
    Customer(
        declared["shortname"],
        email=f"soc@{declared['shortname']}.example.com",
        given_name="Mara",
        family_name="Lindqvist",
        **declared,
    )
    for declared in pulumi.Config().require_object("customers")
]

pulumi.export("below", pulumi.Output.all(*(each.parent for each in customers)).apply(lambda names: sorted({*names})))
