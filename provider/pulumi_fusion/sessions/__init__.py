"""Masquerade: a temporary, visible, audited session inside a customer.

The vendor calls it masquerading, "Login To": https://docs.netography.com/docs/manage-customers. Its API can neither
limit nor end such a session, so this package does both. One function requests the token of one account inside another:
:func:`pulumi_fusion.api.credentials.request_token`.
"""
