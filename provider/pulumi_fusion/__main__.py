"""Run the plugin: ``python -m pulumi_fusion``, which `pulumi package add` of this repository starts."""

import sys

from pulumi_fusion.working_directory import leave

if __name__ == "__main__":
    leave()

    from pulumi_fusion.plugin.server import main

    sys.exit(main())
