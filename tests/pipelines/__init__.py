"""Runs the pipelines of examples/gitops without GitHub and GitLab."""
