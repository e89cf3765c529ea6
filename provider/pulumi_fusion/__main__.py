"""``python -m pulumi_fusion``, and what `pulumi package add` of this repository runs: the plugin."""

import sys

from pulumi_fusion.plugin.server import main

if __name__ == "__main__":
    sys.exit(main())
