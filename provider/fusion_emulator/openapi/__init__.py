"""The OpenAPI document of the emulator, made from its routes, bodies and records."""

from fusion_emulator.openapi.document import document

__all__ = ["document"]
