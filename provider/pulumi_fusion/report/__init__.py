"""The report of a preview for a reviewer: plan, warnings, limits, digest and formats. No HTTP, no Pulumi."""
