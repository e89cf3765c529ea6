"""An empty dynamic provider."""

import json
from pathlib import Path

from tests.benchmarks.speed.floor_dynamic import Empty

for name, fields in json.loads(Path("customers.json").read_text()).items():
    Empty(name, fields)
