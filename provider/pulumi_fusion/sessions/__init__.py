"""Masquerade: a temporary, visible, audited session inside a customer.

The vendor calls it masquerading, "Login To": https://docs.netography.com/docs/manage-customers. Its API can neither
limit nor end such a session, so both are done here. How one account acts inside another is told in one place,
:func:`pulumi_fusion.api.tokens.request_token`.
"""
