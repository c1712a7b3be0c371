"""rawsftp: SFTP by hand on a rawssh channel: any request, well formed or not, and the replies."""
from rawssh import CHANNEL_DATA, CHANNEL_CLOSE, CHANNEL_EOF, WINDOW_ADJUST, DEADLINE
from rawssh import Closed, Reader, string, u32, u64
import time

INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT, FSETSTAT = range(1, 11)
OPENDIR, READDIR, REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME, READLINK, SYMLINK = range(11, 21)
STATUS, HANDLE, DATA, NAME, ATTRS = range(101, 106)
EXTENDED, EXTENDED_REPLY = 200, 201

OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE = range(6)
OP_UNSUPPORTED = 8

F_READ, F_WRITE, F_APPEND, F_CREAT, F_TRUNC, F_EXCL = 1, 2, 4, 8, 16, 32
NO_ATTRS = u32(0)


class ChannelEnd(Exception):
    """The server ended the channel."""


class Sftp:
    def __init__(self, client, number=0, start=True, **open_options):
        self.client = client
        self.channel = client.open_session(number, **open_options)
        self.buffer, self.last_id = b"", 0
        assert self.channel.request("subsystem", string("sftp")), "no sftp subsystem"
        if start:
            self.version = self.init(3)

    def raw(self, data):
        """Bytes on the channel, in packets that it takes."""
        for at in range(0, len(data), 32000):
            self.channel.data(data[at:at + 32000])

    def packet(self, code, body, length=None):
        """One SFTP packet; length overrides what it says of itself."""
        self.raw(u32(1 + len(body) if length is None else length) + bytes([code]) + body)

    def init(self, version, body=b""):
        """The version that the server answers."""
        self.packet(INIT, u32(version) + body)
        code, reader = self.receive()
        assert code == VERSION, f"answer to INIT is {code}"
        return reader.u32()

    def receive(self, seconds=DEADLINE):
        """(code, Reader) of the next SFTP packet."""
        deadline = time.monotonic() + seconds
        while True:
            if len(self.buffer) >= 4:
                length = Reader(self.buffer).u32()
                if len(self.buffer) >= 4 + length:
                    body, self.buffer = self.buffer[4:4 + length], self.buffer[4 + length:]
                    reader = Reader(body)
                    return reader.byte(), reader
            self.fill(max(0.01, deadline - time.monotonic()))

    def fill(self, seconds):
        code, reader = self.client.receive(seconds)
        if code == WINDOW_ADJUST:
            return
        assert reader.u32() == self.channel.number, "packet for another channel"
        if code in (CHANNEL_CLOSE, CHANNEL_EOF):
            raise ChannelEnd()
        if code == CHANNEL_DATA:
            data = reader.string()
            self.buffer += data
            self.channel.adjust(len(data))

    def send(self, code, body):
        """A request with an id of its own; the id."""
        self.last_id += 1
        self.packet(code, u32(self.last_id) + body)
        return self.last_id

    def ask(self, code, body, seconds=DEADLINE):
        """Send a request, receive its answer: (code, Reader after the id)."""
        request_id = self.send(code, body)
        answer, reader = self.receive(seconds)
        assert reader.u32() == request_id, "answer to another request"
        return answer, reader

    def status(self, code, body):
        """The status code that a request is answered with."""
        answer, reader = self.ask(code, body)
        assert answer == STATUS, f"answer is {answer}, not a status"
        return reader.u32()

    def open(self, path, flags, attributes=NO_ATTRS):
        answer, reader = self.ask(OPEN, string(path) + u32(flags) + attributes)
        assert answer == HANDLE, f"open of {path!r}: status {reader.u32()}"
        return reader.string()

    def opendir(self, path):
        answer, reader = self.ask(OPENDIR, string(path))
        assert answer == HANDLE, f"opendir of {path!r}: status {reader.u32()}"
        return reader.string()

    def write(self, handle, offset, data):
        return self.status(WRITE, string(handle) + u64(offset) + string(data))

    def read(self, handle, offset, count):
        """The data, or the status code."""
        answer, reader = self.ask(READ, string(handle) + u64(offset) + u32(count))
        return reader.string() if answer == DATA else reader.u32()

    def close(self, handle):
        return self.status(CLOSE, string(handle))

    def names(self, code, path):
        """The names of a NAME answer, or the status code."""
        answer, reader = self.ask(code, string(path))
        if answer == STATUS:
            return reader.u32()
        assert answer == NAME, f"answer is {answer}"
        return [(reader.string(), reader.string(), attributes(reader))[0]
                for _ in range(reader.u32())]

    def is_alive(self):
        """Whether the session still answers."""
        try:
            return isinstance(self.names(REALPATH, "."), list)
        except (ChannelEnd, Closed):
            return False


def attributes(reader):
    """Version 3 attributes as a dict."""
    flags, found = reader.u32(), {}
    if flags & 1:
        found["size"] = reader.u64()
    if flags & 2:
        found["uid"], found["gid"] = reader.u32(), reader.u32()
    if flags & 4:
        found["mode"] = reader.u32()
    if flags & 8:
        found["atime"], found["mtime"] = reader.u32(), reader.u32()
    if flags & 0x80000000:
        for _ in range(reader.u32()):
            reader.string(), reader.string()
    return found


def later_attributes(reader, version):
    """Attributes of versions 4, 5 and 6 as a dict; lists of access rights are left as bytes."""
    flags, found = reader.u32(), {"type": reader.byte()}

    def time():
        seconds = reader.u64()
        return seconds * 10**9 + (reader.u32() if flags & 0x100 else 0)

    fields = ((0x1, "size", reader.u64), (0x400, "allocation_size", reader.u64),
              (0x80, "owner", lambda: (reader.string(), reader.string())),
              (0x4, "mode", reader.u32), (0x8, "atime", time), (0x10, "created", time),
              (0x20, "mtime", time), (0x8000, "ctime", time), (0x40, "acl", reader.string),
              (0x200, "bits", lambda: (reader.u32(), reader.u32() if version > 5 else None)),
              (0x800, "text_hint", reader.byte), (0x1000, "mime_type", reader.string),
              (0x2000, "links", reader.u32), (0x4000, "untranslated_name", reader.string),
              (0x80000000, "extended", lambda: [(reader.string(), reader.string())
                                                for _ in range(reader.u32())]))
    for bit, name, read in fields:
        if flags & bit:
            found[name] = read()
            flags &= ~bit
    assert flags & ~0x100 == 0, f"attributes {flags:x} of another version"
    return found
