"""Faults on demand: which requests they affect, before or after the service acts, and what the sender receives.

A fault is one line, ``METHOD PATH KIND[=VALUE] [skip=N] [xN]``:

- METHOD is a verb or ``*``; PATH a glob, with or without the API's ``/api/v1``; ``* *`` is every request.
- ``xN`` affects N requests and then ends; without it, the fault affects every request. ``skip=N`` leaves out the first
  N matching requests.
- ``-before`` or ``-after`` at the end of a kind decides whether the fault occurs before or after the service acts
  (commits); ``commit-then-KIND`` is another way to write ``KIND-after``. Each kind has its own default.

Some faults decide the answer, others "colour" the request: they modify how it is served. A request is affected by at
most one that decides and one of each kind that colours, always the first one added that matches. Only these are
counted.

=====================  =======  ==============================================================================
kind                   default  what the sender receives
=====================  =======  ==============================================================================
``reset``              before   a TCP reset. before: F4; after: F5, the change is made without an answer
``hang[=SECONDS]``     before   silence, without end unless SECONDS are given; before: then a reset, nothing
                                done (black hole); after: then the answer (F6: it comes after the read timeout)
``cut-body``           after    the headers, half of the body, then the end of the connection (F7)
``NNN``                before   that status with the service's error body: F14 ``500``, F21 ``403``, F10-F13
                                ``429``, F18 ``503``; ``500-after`` F15, ``502-after`` F16, ``504-after`` F17.
                                Options: ``retry-after=SECONDS`` (F10, F13), ``retry-after-date=SECONDS`` from
                                now (F11), neither (F12). A success, such as ``202`` or ``204``, has no body
``html-NNN``           before   that status with a page of a proxy or portal: F23 ``html-404``, F25 ``html-200``
``exists-400``,        before   the service's error "already exists" (F24); with ``-after`` it is true
``exists-409``
``revoked``            before   401 on every request that it matches, whatever the token (F20)
``redirect=URL``       before   307 to URL, or ``status=NNN`` (F27)
``empty``              after    the genuine status with no body (F25)
``not-json``           after    the genuine status with a body that ends early, as application/json (F25)
``huge[=BYTES]``       after    the genuine answer with a field of that size, 20 MB by default (F28)
``unknown-fields``     after    the genuine answer with undocumented fields (F26)
``missing-fields``     after    the genuine records without ``=NAME,NAME`` (default: reseller, ingest_ip,
                                ingest_port) (F26)
``wrong-types``        after    the genuine records with numbers as texts, texts as numbers, flags as texts, in
                                every field or in ``=NAME,NAME`` (F26)
``other-account``      after    the genuine answer, but about an account of another name and id, as from a cache or
                                a proxy that mixes up answers
``delay=SECONDS``      colours  the request waits before the service sees it; ``jitter=SECONDS`` more at most (F9)
``slice[=SECONDS]``    colours  the answer in pieces of ``size=16`` bytes, each SECONDS (0.002) after the last (F8)
``early-hints[=SECS]`` colours  a 103 before the answer, which follows SECS (0.05) later
``clock-skew=SECONDS`` colours  the service's clock is that far ahead (F29)
``token-expired``      colours  the access token of the request has just ended; a new one works (F19)
``stale=K``            colours  on a write: the next K reads of the account see the state before (F22 after POST,
                                F30 after PUT); on a read: this one does
=====================  =======  ==============================================================================

F1 (refused), F2 (TLS) and F3 (connect timeout) happen before there is a request to match: ``Emulator.stop()`` and
``start()`` again on the same port, an ``https:`` URL on the emulator's port, and ``black_hole()`` cause them.
"""

from fusion_emulator.faults.delivery import Delivery
from fusion_emulator.faults.drawing import Drawn, Faults
from fusion_emulator.faults.lines import Fault, MalformedFault

__all__ = ["Delivery", "Drawn", "Fault", "Faults", "MalformedFault"]
