"""One customer below each of two accounts, each with a separate provider for that account."""

import pulumi
import pulumi_fusion_sdk as fusion

REGIONS = {"east-mssp": "east-one", "west-mssp": "west-one"}

for account, shortname in REGIONS.items():
    # The credential comes from the environment, so nothing of it is kept in the state; a provider may also have
    # its own: netosecret=pulumi.Config().require_secret("eastNetosecret").
    inside = fusion.Provider(account, account=account)
    customer = fusion.Customer(
        shortname,
        shortname=shortname,
        email=f"admin@{shortname}.example.com",
        given_name="Skippy",
        family_name="Longbottom",
        organization=f"{shortname} Inc.",
        type="SLG",
        status=fusion.CustomerStatus.TRIAL_ACTIVE,
        data_retention=45,
        rollup_retention=90,
        opts=pulumi.ResourceOptions(provider=inside),
    )
    pulumi.export(account, customer.parent)
