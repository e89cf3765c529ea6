"""What the Python processes of the Pulumi commands import first: it skips the garbage collections of their end.

When Python ends, it collects all objects up to three times, although the process gives the memory back anyway. That is
an eighth of the processor time of a Pulumi command. Frozen objects are not collected. Destructors outside of reference
cycles, handlers of atexit and the collections of a running program are as always.
"""

import atexit
import gc

atexit.register(gc.freeze)
