"""The common parts of the members in Python: arguments, lines on standard output, and what a member has processed.

The lines are those of groups/member-lines.ts.
"""
import json
import os
import sys
import threading
import time


class Arguments:
    """NAME=VALUE for each setting."""

    def __init__(self, arguments):
        values = dict(argument.split("=", 1) for argument in arguments)
        self.bootstrap, self.group, self.topic = values["bootstrap"], values["group"], values["topic"]
        self.protocol, self.assignor = values["protocol"], values["assignor"]
        self.instance = values.get("instance") or None
        self.session_ms, self.heartbeat_ms = int(values["session-ms"]), int(values["heartbeat-ms"])
        self.rebalance_ms, self.commit_s = int(values["rebalance-ms"]), int(values["commit-ms"]) / 1000


class Stop:
    """`asked` becomes true when the parent closes standard input."""

    def __init__(self):
        self.asked = False
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        # This reads the descriptor itself: a thread that waits in sys.stdin would block the end of the process.
        while os.read(0, 4096):
            pass
        self.asked = True


class Lines:
    """Prints the lines, and remembers which offset to commit for each partition."""

    def __init__(self, commit_s):
        self.commit_s = commit_s
        self.pending = {}
        self.next_commit = time.monotonic()

    def emit(self, event, **fields):
        line = {"e": event, "t": int(time.time() * 1000), **fields}
        sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
        sys.stdout.flush()

    def assigned(self, partitions):
        self.emit("assigned", p=sorted(partitions))

    def revoked(self, partitions):
        self.emit("revoked", p=sorted(partitions))

    def lost(self, partitions):
        for partition in partitions:
            self.pending.pop(partition, None)
        self.emit("lost", p=sorted(partitions))

    def error(self, error):
        self.emit("error", m=str(error)[:300])

    def read(self, partition, records):
        """`records`: (offset, value) in the order of processing."""
        self.emit("read", p=partition, o=[offset for offset, _ in records], n=[number_of(value) for _, value in records])
        self.pending[partition] = records[-1][0] + 1

    def is_due(self):
        return bool(self.pending) and time.monotonic() >= self.next_commit

    def take(self, partitions=None):
        """Returns the offsets to commit, of these partitions or of all."""
        taken = {p: offset for p, offset in self.pending.items() if partitions is None or p in partitions}
        for partition in taken:
            del self.pending[partition]
        self.next_commit = time.monotonic() + self.commit_s
        return taken

    def committed(self, offsets, error=None):
        fields = {"o": {str(p): offset for p, offset in offsets.items()}}
        if error is not None:
            fields["m"] = str(error)[:300]
        self.emit("commit", **fields)

    def closed(self):
        self.emit("closed")


def number_of(value):
    """The number n of a record of the writer: its value begins with "NAME n "."""
    return int(value.split(b" ", 2)[1])
