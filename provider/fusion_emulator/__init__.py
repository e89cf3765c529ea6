"""The Fusion customers API as a server on this machine: no account needed, and it fails on request.

It shares no code with the client, so that one reading of the vendor's pages tests the other.
"""

from fusion_emulator.emulator import Emulator
from fusion_emulator.errors import Refused
from fusion_emulator.faults import Fault, Faults, FaultWarning, MalformedFault
from fusion_emulator.journal import Entry, Journal
from fusion_emulator.listening import HostError
from fusion_emulator.loopback import black_hole
from fusion_emulator.server import PortInUse
from fusion_emulator.service import ROOT
from fusion_emulator.serving import serve, settings_of
from fusion_emulator.state import Account, ApiKey, Mail, User
from fusion_emulator.store import StateFileBusy, StateFileUnreadable
from fusion_emulator.switches import Switches, UnknownSwitch

__all__ = [
    "ROOT",
    "Account",
    "ApiKey",
    "Emulator",
    "Entry",
    "Fault",
    "FaultWarning",
    "Faults",
    "HostError",
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
