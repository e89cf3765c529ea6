"""The Fusion customers API as a server on loopback: no account needed, and it fails on request.

It shares no code with the client, so that one reading of the vendor's pages checks the other.
"""

from pulumi_fusion.emulator.accounts import Account, ApiKey, Mail, Refused, User
from pulumi_fusion.emulator.faults import Fault, Faults, MalformedFault
from pulumi_fusion.emulator.journal import Entry, Journal
from pulumi_fusion.emulator.server import Emulator, PortInUse, black_hole
from pulumi_fusion.emulator.service import ROOT
from pulumi_fusion.emulator.serving import serve, settings_of
from pulumi_fusion.emulator.store import StateFileBusy, StateFileUnreadable
from pulumi_fusion.emulator.switches import Switches, UnknownSwitch

__all__ = [
    "ROOT",
    "Account",
    "ApiKey",
    "Emulator",
    "Entry",
    "Fault",
    "Faults",
    "Journal",
    "Mail",
    "MalformedFault",
    "PortInUse",
    "Refused",
    "StateFileBusy",
    "StateFileUnreadable",
    "Switches",
    "UnknownSwitch",
    "User",
    "black_hole",
    "serve",
    "settings_of",
]
