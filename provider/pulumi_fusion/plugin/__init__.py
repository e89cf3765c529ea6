"""The plugin: ``fusion:index:Customer`` over Pulumi's provider protocol, for all languages of Pulumi.

https://www.pulumi.com/docs/iac/guides/building-extending/providers/pulumi-provider-protocol/
"""
