"""villain: a user from 127.0.0.9 who does all there is to do, so that every operation of a plugin is
called; and the daemon's log, read from where the last look ended. For tests/fault/plugins/crasher."""
import os
import re
import time

import rawsftp
from hostile import *  # noqa: F401,F403
from rawssh import Closed, string, u32, u64

ADDRESS = "127.0.0.9"
FILE, DIRECTORY = b"/villain/file", b"/villain"
PROBLEMS = (AssertionError, Closed, rawsftp.ChannelEnd, OSError)
KEY = string("ssh-ed25519") + string(bytes(range(32)))
NO_ATTRIBUTES = u32(0)
LOG = os.environ["W"] + "/log"


class Log:
    def __init__(self):
        self.at = os.path.getsize(LOG)

    def wait(self, regex, seconds=30):
        """The rest of the log up to the first line that matches, and that line."""
        deadline = time.monotonic() + seconds
        while True:
            with open(LOG, encoding="utf-8", errors="replace") as file:
                file.seek(self.at)
                text = file.read()
            for line in text.splitlines():
                if re.search(regex, line):
                    return line
            if time.monotonic() > deadline:
                raise AssertionError(f"the log never said {regex}; it said:\n{text}")
            time.sleep(0.02)


class Villain:
    """Each step that does not get what it should is noted, and the next one is tried."""

    def __init__(self):
        self.failed = []
        self.client = None

    def step(self, name, function, *arguments):
        try:
            result = function(*arguments)
        except PROBLEMS as problem:
            self.failed.append((name, str(problem) or type(problem).__name__))
            return None
        return result

    def act(self):
        """Everything, until the connection ends. What has failed."""
        self.client = self.step("connect", lambda: client(source=ADDRESS))
        if self.client and self.step("login", self.log_in):
            self.step("channel", self.run_a_command)
            self.step("files", self.use_files)
        if self.client:
            self.client.close()
        return self.failed

    def log_in(self):
        c = self.client
        c.service()
        for method, rest in (("none", b""),
                             ("publickey", boolean(False) + string("ssh-ed25519") + string(KEY))):
            c.send_packet(c.auth_packet("villain", method, rest))
            c.failure_methods()
        c.send_packet(c.auth_packet("villain", "keyboard-interactive", string("") + string("")))
        code, _ = c.receive()
        if code == 60:  # INFO_REQUEST
            c.send_packet(bytes([61]) + u32(1) + string("well"))
            c.failure_methods()
        check(c.password("villain", "open, sesame"), "the password was refused")
        return True

    def run_a_command(self):
        channel = self.client.open_session(7, window=1 << 16)
        channel.request("env", string("A") + string("b"))
        channel.request("pty-req", string("vt100") + u32(80) + u32(24) + u32(0) + u32(0) + string(b"\0"))
        check(channel.exec("anything"), "the command was refused")
        channel.request("window-change", u32(90) + u32(30) + u32(0) + u32(0), want_reply=False)
        channel.data(b"x" * 100)
        channel.eof()
        check(channel.collect()["status"] == 0, "the command failed")
        channel.close()

    def use_files(self):
        sftp_channel = self.step("sftp", rawsftp.Sftp, self.client, 8)
        if not sftp_channel:
            return
        for name, ask in self.file_steps(sftp_channel):
            self.step(name, ask)
        sftp_channel.channel.close()

    @staticmethod
    def file_steps(s):
        def expect(*accepted):
            def ask(code, body):
                answer, reader = s.ask(code, body)
                check(answer in accepted and (answer != rawsftp.STATUS or reader.u32() == 0),
                      f"answered with {answer}")
            return ask
        ok, names = expect(rawsftp.STATUS), expect(rawsftp.NAME)
        attributes, reply = expect(105), expect(201)
        handle = {}

        def opened(name, code, body):
            answer, reader = s.ask(code, body)
            check(answer == rawsftp.HANDLE, "no handle")
            handle[name] = reader.string()

        def with_handle(ask, code, rest=b"", name="file", before=b""):
            return lambda: ask(code, before + string(handle.get(name, b"none")) + rest)

        def copy():
            target = handle.get("other", b"none")
            ok(200, string("copy-data") + string(handle.get("file", b"none")) + u64(0) + u64(0)
               + string(target) + u64(0))

        def read():
            check(s.read(handle.get("file", b"none"), 0, 100) == 1, "no end of file")
        return [
            ("fs.realpath", lambda: names(16, string(FILE))),
            ("fs.stat", lambda: attributes(17, string(FILE))),
            ("fs.setstat", lambda: ok(9, string(FILE) + u32(4) + u32(0o600))),
            ("fs.open", lambda: opened("file", 3, string(FILE) + u32(3) + NO_ATTRIBUTES)),
            ("fs.open", lambda: opened("other", 3, string(FILE + b"2") + u32(2) + NO_ATTRIBUTES)),
            ("fs.read", read),
            ("fs.write", with_handle(ok, 6, u64(0) + string(b"data"))),
            ("fs.fstat", with_handle(attributes, 8)),
            ("fs.fsetstat", with_handle(ok, 10, u32(4) + u32(0o600))),
            ("fs.fsync", with_handle(ok, 200, before=string("fsync@openssh.com"))),
            ("fs.fstatvfs", with_handle(reply, 200, before=string("fstatvfs@openssh.com"))),
            ("fs.copy", copy),
            ("fs.close", with_handle(ok, 4)),
            ("fs.opendir", lambda: opened("directory", 11, string(DIRECTORY + b"/d"))),
            ("fs.readdir", with_handle(ok, 12, name="directory")),
            ("fs.closedir", with_handle(ok, 4, name="directory")),
            ("fs.mkdir", lambda: ok(14, string(DIRECTORY + b"/new") + NO_ATTRIBUTES)),
            ("fs.rmdir", lambda: ok(15, string(DIRECTORY + b"/new"))),
            ("fs.remove", lambda: ok(13, string(FILE))),
            ("fs.rename", lambda: ok(18, string(FILE) + string(FILE + b"2"))),
            ("fs.link", lambda: ok(200, string("hardlink@openssh.com") + string(FILE) + string(FILE + b"2"))),
            ("fs.symlink", lambda: ok(20, string("file") + string(FILE + b"3"))),
            ("fs.readlink", lambda: names(19, string(FILE))),
            ("fs.statvfs", lambda: reply(200, string("statvfs@openssh.com") + string(FILE))),
        ]
