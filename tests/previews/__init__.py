"""Recorded output of `pulumi preview --json`, of both frontends; ``python -m tests.previews`` records it."""
