"""transfers: uploads under way, for the cases that kill, reload or drain the daemon meanwhile."""
import hashlib
import os

from hostile import Sftp, check, sftp, user

BLOCK = 30000


class Transfer:
    """An upload of one file over a connection of its own, block by block."""

    def __init__(self, number):
        self.client = user()
        channel = self.client.open_session()
        check(channel.exec("echo $PPID"), "exec refused")
        self.worker = int(channel.collect()["out"])
        self.sftp = Sftp(self.client, 1)
        self.name = f"transfer{number}"
        self.handle = self.sftp.open(self.name, sftp.F_READ | sftp.F_WRITE | sftp.F_CREAT)
        self.size, self.digest = 0, hashlib.sha256()

    def write_some(self, blocks=10):
        for _ in range(blocks):
            data = os.urandom(BLOCK)
            check(self.sftp.write(self.handle, self.size, data) == sftp.OK, "write")
            self.size += len(data)
            self.digest.update(data)

    def finish(self):
        """Write more, read all back, compare."""
        self.write_some()
        digest = hashlib.sha256()
        for offset in range(0, self.size, BLOCK):
            digest.update(self.sftp.read(self.handle, offset, BLOCK))
        check(digest.digest() == self.digest.digest(), f"{self.name} differs")
        check(self.sftp.close(self.handle) == sftp.OK, "close")
        self.client.close()
