"""Faults on demand: which requests they affect, before or after the service acts, and what the sender receives.

A fault is one line, ``METHOD PATH KIND[=VALUE] [OPTION=VALUE] [skip=N] [xN]``:

- METHOD is a verb or ``*``; PATH a glob, with or without the API's ``/api/v1``; ``* *`` is every request.
- ``xN`` affects N requests and then ends; without it, the fault affects every request. ``skip=N`` leaves out the first
  N matching requests.
- ``-before`` or ``-after`` at the end of a kind decides whether the fault occurs before or after the service acts
  (commits); ``commit-then-KIND`` is another way to write ``KIND-after``. Each kind has its own default.

Some faults decide the answer, others "colour" the request: they modify how it is served. A request is affected by at
most one that decides and one of each kind that colours, always the first one added that matches. Only these are
counted. ``kinds`` has all of them, and what the sender receives.

A refused connection, a failed TLS handshake and a connection timeout happen before there is a request to match:
``Emulator.stop()`` and ``start()`` again on the same port, an ``https:`` URL on the emulator's port, and
``black_hole()`` cause them.
"""

from fusion_emulator.faults.delivery import Delivery
from fusion_emulator.faults.drawing import Drawn, Faults, FaultWarning
from fusion_emulator.faults.lines import Fault, MalformedFault

__all__ = ["Delivery", "Drawn", "Fault", "FaultWarning", "Faults", "MalformedFault"]
