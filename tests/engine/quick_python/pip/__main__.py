"""pip, whose list of packages was made once for all commands of the tests.

The Python host lists the packages for each command, which takes pip half a second of processor time. The list of
another environment, and everything else, is the work of the real pip.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path

known = json.loads(Path(os.environ["PACKAGES_OF_THE_TESTS"]).read_text())
# An environment of an example is a link to that of the tests.
if sys.argv[1:] == known["arguments"] and os.path.realpath(sys.prefix) == os.path.realpath(known["prefix"]):
    sys.stdout.write(known["packages"])
else:
    here = Path(__file__).resolve().parents[1]
    sys.path[:] = [each for each in sys.path if Path(each).resolve() != here]
    del sys.modules["pip"]
    runpy.run_module("pip", run_name="__main__")
