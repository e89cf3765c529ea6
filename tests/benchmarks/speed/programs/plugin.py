"""A program with the plugin of this project or the empty plugin, whose package is in the environment."""

import json
import os
from pathlib import Path

import pulumi

OUTPUTS = dict.fromkeys(("customerId", "ingestIp", "ingestPort", "parent", "node"))

for name, fields in json.loads(Path("customers.json").read_text()).items():
    pulumi.CustomResource(f"{os.environ['BENCHMARK_PACKAGE']}:index:Customer", name, {**fields, **OUTPUTS})
