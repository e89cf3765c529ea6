"""A program with the dynamic provider of this project."""

import json
from pathlib import Path

from pulumi_fusion import Customer
from pulumi_fusion.customer.names import state_key
from pulumi_fusion.dynamic import INPUTS

NAMES = {state_key(name): name for name in INPUTS}

for name, fields in json.loads(Path("customers.json").read_text()).items():
    Customer(name, **{NAMES[key]: value for key, value in fields.items()})
