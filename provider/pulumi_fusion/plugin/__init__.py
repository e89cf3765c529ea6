"""The plugin: ``fusion:index:Customer`` behind Pulumi's own provider protocol, for every language of Pulumi.

https://www.pulumi.com/docs/iac/guides/building-extending/providers/pulumi-provider-protocol/
"""
