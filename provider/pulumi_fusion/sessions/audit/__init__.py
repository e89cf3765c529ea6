"""The audit file: one JSON record per line, chained to the one before it by hash, and synced before a command starts.

``chain`` makes records and checks a file of them, ``file`` opens and locks it, ``log`` writes the records of sessions,
``rotation`` moves a file to an archive, ``liveness`` identifies the writer and the sessions that still run.

The file can't show the following about itself, since any process of the same user can write to it:

- that its end was cut off, unless a session whose start was cut off ends later, and checks that;
- that all of it was removed, rewritten with new hashes, or replaced by an older copy of it;
- what was in an archive that was removed: only its name and the number of records before are kept.

Against these, ship the records to another machine as they are written (``pulumi-fusion audit --json``).
"""

from pulumi_fusion.sessions.audit.chain import Break, Examined, examine
from pulumi_fusion.sessions.audit.file import default_path, named_path, read
from pulumi_fusion.sessions.audit.liveness import identity
from pulumi_fusion.sessions.audit.log import AuditLog, reason

__all__ = ["AuditLog", "Break", "Examined", "default_path", "examine", "identity", "named_path", "read", "reason"]
