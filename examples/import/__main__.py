"""Two imported customers: the fields that the service returns, and those that only you know."""

import pulumi
import pulumi_fusion_sdk as fusion

LIVE = {
    # The service's documented record has no organization, type and first admin: set their true values. The others are
    # compared with the values of the service.
    "acme-corp": {
        "organization": "Acme Corporation",
        "email": "admin@acme.example.com",
        "given_name": "Skippy",
        "family_name": "Longbottom",
        "type": "SLG",
        "status": fusion.CustomerStatus.ACTIVE,
        "data_retention": 90,
        "rollup_retention": 365,
    },
    "harbor": {
        "organization": "Harbor Logistics",
        "email": "net@harbor.example.com",
        "given_name": "Hanna",
        "family_name": "Hafen",
        "type": "SLG",
        "status": fusion.CustomerStatus.TRIAL_ACTIVE,
        "data_retention": 7,
        "rollup_retention": 90,
    },
}

customers = {name: fusion.Customer(name, shortname=name, **fields) for name, fields in LIVE.items()}

pulumi.export("ingest", {name: each.ingest_ip for name, each in customers.items()})
