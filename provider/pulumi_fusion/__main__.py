"""``python -m pulumi_fusion``, and what `pulumi package add` of this repository runs: the plugin."""

import sys

from pulumi_fusion.working_directory import leave

if __name__ == "__main__":
    leave()

    from pulumi_fusion.plugin.server import main

    sys.exit(main())
