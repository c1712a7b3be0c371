"""rawssh: an SSH client that may misbehave.

A hand-written transport (curve25519-sha256, ssh-ed25519, aes128-ctr, hmac-sha2-256) that sends any
packet at any time. The hostile cases of tests/integration drive it; nothing here is polite unless
the caller asks for it. One method for each polite step (banner, kex, password, open_session), and
send_packet()/send_raw() for everything else. Every wait has a deadline.
"""
import contextlib
import hashlib
import hmac
import os
import socket
import struct
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG, SERVICE_REQUEST, SERVICE_ACCEPT, EXT_INFO = range(1, 8)
KEXINIT, NEWKEYS, ECDH_INIT, ECDH_REPLY = 20, 21, 30, 31
USERAUTH_REQUEST, USERAUTH_FAILURE, USERAUTH_SUCCESS, USERAUTH_BANNER = 50, 51, 52, 53
USERAUTH_PK_OK = USERAUTH_INFO_REQUEST = 60
USERAUTH_INFO_RESPONSE = 61
GLOBAL_REQUEST, REQUEST_SUCCESS, REQUEST_FAILURE = 80, 81, 82
CHANNEL_OPEN, OPEN_CONFIRMATION, OPEN_FAILURE, WINDOW_ADJUST = 90, 91, 92, 93
CHANNEL_DATA, EXTENDED_DATA, CHANNEL_EOF, CHANNEL_CLOSE = 94, 95, 96, 97
CHANNEL_REQUEST, CHANNEL_SUCCESS, CHANNEL_FAILURE = 98, 99, 100

DEADLINE = 20.0  # seconds that a server gets for anything
CHATTER = (IGNORE, DEBUG, EXT_INFO, USERAUTH_BANNER, GLOBAL_REQUEST)


class Closed(Exception):
    """The server ended the connection; text is of its DISCONNECT, None without one."""

    text = None


class Silent(Exception):
    """The server did not answer within the deadline."""


def u32(value):
    return struct.pack(">I", value & 0xFFFFFFFF)


def u64(value):
    return struct.pack(">Q", value & 0xFFFFFFFFFFFFFFFF)


def string(value):
    if isinstance(value, str):
        value = value.encode()
    return u32(len(value)) + value


def boolean(value):
    return b"\x01" if value else b"\x00"


def mpint(value):
    raw = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return string(raw if value else b"")


class Reader:
    """Takes a packet apart."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def bytes(self, count):
        if self.at + count > len(self.data):
            raise ValueError(f"packet too short: {self.data[:64]!r}")
        self.at += count
        return self.data[self.at - count:self.at]

    def byte(self):
        return self.bytes(1)[0]

    def u32(self):
        return struct.unpack(">I", self.bytes(4))[0]

    def u64(self):
        return struct.unpack(">Q", self.bytes(8))[0]

    def string(self):
        return self.bytes(self.u32())

    def left(self):
        return len(self.data) - self.at


class Direction:
    """Keys of one direction; none at first."""

    def __init__(self):
        self.sequence, self.cipher, self.mac_key = 0, None, None

    def set_keys(self, key, iv, mac_key, encrypt):
        cipher = Cipher(algorithms.AES(key), modes.CTR(iv))
        self.cipher = (cipher.encryptor() if encrypt else cipher.decryptor()).update
        self.mac_key = mac_key

    def mac(self, packet):
        return hmac.new(self.mac_key, u32(self.sequence) + packet, hashlib.sha256).digest()

    def next(self):
        self.sequence = (self.sequence + 1) & 0xFFFFFFFF


class Client:
    def __init__(self, port, strict=False, receive_buffer=None, host="127.0.0.1", source=None):
        self.socket = socket.socket()
        if source:
            self.socket.bind((source, 0))
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.strict, self.session_id = strict, None
        self.out, self.incoming = Direction(), Direction()
        self.buffer, self.held = b"", None
        self.our_banner, self.their_banner = b"SSH-2.0-rawssh", None

    # --- bytes ---

    def send_raw(self, data):
        if self.held is not None:
            self.held += data
            return
        try:
            self.socket.settimeout(DEADLINE)
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            raise Closed("while sending")

    @contextlib.contextmanager
    def in_one_piece(self):
        """What is sent inside reaches the server as one piece."""
        self.held = b""
        yield
        data, self.held = self.held, None
        self.send_raw(data)

    def fill(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise Silent(f"no answer within {DEADLINE:.0f} s")
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(65536)
        except socket.timeout:
            raise Silent("no answer in time")
        except ConnectionResetError:
            raise Closed("connection reset")
        if not data:
            raise Closed("end of file")
        self.buffer += data

    def take(self, count, deadline):
        while len(self.buffer) < count:
            self.fill(deadline)
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def wait_closed(self, seconds=DEADLINE):
        """Everything the server still sends until it closes; Silent if it does not."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                self.fill(deadline)
        except Closed:
            data, self.buffer = self.buffer, b""
            return data

    def close(self):
        self.socket.close()

    def reset(self):
        """End with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    # --- packets ---

    def send_packet(self, payload, length=None, padding=None):
        """Send one packet. length and padding override what its header says."""
        pad = -(5 + len(payload)) % 16
        if pad < 4:
            pad += 16
        header_length = 1 + len(payload) + pad if length is None else length
        header_pad = pad if padding is None else padding
        packet = u32(header_length) + bytes([header_pad & 0xFF]) + payload + os.urandom(pad)
        if self.out.cipher:
            wire = self.out.cipher(packet) + self.out.mac(packet)
        else:
            wire = packet
        self.out.next()
        self.send_raw(wire)

    def receive_packet(self, seconds=DEADLINE):
        """The payload of the next packet of any kind."""
        deadline = time.monotonic() + seconds
        block = self.take(16 if self.incoming.cipher else 8, deadline)
        if self.incoming.cipher:
            block = self.incoming.cipher(block)
        length = struct.unpack(">I", block[:4])[0]
        assert 5 <= length <= 300000, f"server sent packet length {length}"
        rest = self.take(4 + length - len(block), deadline)
        if self.incoming.cipher:
            packet = block + self.incoming.cipher(rest)
            assert self.take(32, deadline) == self.incoming.mac(packet), "server's MAC is wrong"
        else:
            packet = block + rest
        self.incoming.next()
        return packet[5:4 + length - packet[4]]

    def receive(self, seconds=DEADLINE):
        """(code, Reader) of the next packet that is not chatter; Closed for a DISCONNECT."""
        deadline = time.monotonic() + seconds
        while True:
            payload = self.receive_packet(max(0.01, deadline - time.monotonic()))
            reader = Reader(payload)
            code = reader.byte()
            if code == DISCONNECT:
                closed = Closed(f"DISCONNECT {reader.u32()}")
                closed.text = reader.string().decode()
                raise closed
            if code not in CHATTER:
                return code, reader

    def expect(self, *codes, seconds=DEADLINE, skip=None):
        """The Reader of the next packet but those of code skip, which must have one of the codes."""
        code, reader = self.receive(seconds)
        while code == skip:
            code, reader = self.receive(seconds)
        assert code in codes, f"server sent {code}, expected {codes}"
        return reader

    def expect_end(self, *allowed, seconds=DEADLINE):
        """The server must end the connection. Returns the text of its DISCONNECT, None without
        one. Codes in allowed may come before; any other packet is an error."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                code, _ = self.receive(max(0.01, deadline - time.monotonic()))
                assert code in allowed, f"server answered with {code}, should have ended"
        except Closed as closed:
            return closed.text

    # --- the polite steps ---

    def banner(self):
        self.send_raw(self.our_banner + b"\r\n")
        self.read_banner()

    def read_banner(self):
        deadline = time.monotonic() + DEADLINE
        while b"\n" not in self.buffer:
            self.fill(deadline)
        line, self.buffer = self.buffer.split(b"\n", 1)
        self.their_banner = line.rstrip(b"\r")
        assert self.their_banner.startswith(b"SSH-2.0-"), self.their_banner

    def kexinit(self, **lists):
        """Our KEXINIT; lists overrides single name-lists by position name."""
        names = {
            "kex": b"curve25519-sha256" + (b",kex-strict-c-v00@openssh.com" if self.strict else b""),
            "host_key": b"ssh-ed25519",
            "cipher_out": b"aes128-ctr", "cipher_in": b"aes128-ctr",
            "mac_out": b"hmac-sha2-256", "mac_in": b"hmac-sha2-256",
            "compression_out": b"none", "compression_in": b"none",
            "language_out": b"", "language_in": b"",
        }
        names.update(lists)
        return (bytes([KEXINIT]) + os.urandom(16) + b"".join(string(n) for n in names.values())
                + boolean(False) + u32(0))

    def kex(self, until_keys=True, injected=None):
        """The key exchange, after banner(). With until_keys False: up to ECDH_INIT's answer.
        injected is a packet to send in the middle of it."""
        ours = self.kexinit()
        self.send_packet(ours)
        while True:
            theirs = self.receive_packet()
            if theirs[0] == KEXINIT:
                break
        if injected:
            self.send_packet(injected)
        secret = X25519PrivateKey.generate()
        public = secret.public_key().public_bytes(serialization.Encoding.Raw,
                                                  serialization.PublicFormat.Raw)
        self.send_packet(bytes([ECDH_INIT]) + string(public))
        reply = self.expect(ECDH_REPLY, skip=UNIMPLEMENTED)
        host_key, server_public = reply.string(), reply.string()
        shared = secret.exchange(X25519PublicKey.from_public_bytes(server_public))
        shared = mpint(int.from_bytes(shared, "big"))
        digest = hashlib.sha256(
            string(self.our_banner) + string(self.their_banner) + string(ours) + string(theirs)
            + string(host_key) + string(public) + string(server_public) + shared).digest()
        if self.session_id is None:
            self.session_id = digest

        def derive(letter, size):
            material = shared + digest
            return hashlib.sha256(material + letter + self.session_id).digest()[:size]

        self.pending = {letter: derive(letter.encode(), size)
                        for letter, size in (("A", 16), ("B", 16), ("C", 16), ("D", 16),
                                             ("E", 32), ("F", 32))}
        if until_keys:
            self.newkeys()

    def newkeys(self):
        self.send_newkeys()
        self.receive_newkeys()

    def send_newkeys(self):
        keys = self.pending
        self.send_packet(bytes([NEWKEYS]))
        self.out.set_keys(keys["C"], keys["A"], keys["E"], True)
        if self.strict:
            self.out.sequence = 0

    def receive_newkeys(self):
        keys = self.pending
        self.expect(NEWKEYS, skip=UNIMPLEMENTED)
        self.incoming.set_keys(keys["D"], keys["B"], keys["F"], False)
        if self.strict:
            self.incoming.sequence = 0

    def service(self, name="ssh-userauth"):
        self.send_packet(bytes([SERVICE_REQUEST]) + string(name))
        self.expect(SERVICE_ACCEPT)

    def auth_packet(self, user, method, rest=b"", service="ssh-connection"):
        return (bytes([USERAUTH_REQUEST]) + string(user) + string(service) + string(method) + rest)

    def send_password(self, user, password):
        self.send_packet(self.auth_packet(user, "password", boolean(False) + string(password)))

    def password(self, user, password):
        """Whether the server took it."""
        self.send_password(user, password)
        code, _ = self.receive()
        assert code in (USERAUTH_SUCCESS, USERAUTH_FAILURE), f"server sent {code}"
        return code == USERAUTH_SUCCESS

    def failure_methods(self, seconds=DEADLINE):
        """The methods of the USERAUTH_FAILURE that must come next."""
        return self.expect(USERAUTH_FAILURE, seconds=seconds).string().decode().split(",")

    def global_request(self, name, want_reply=True, rest=b""):
        self.send_packet(bytes([GLOBAL_REQUEST]) + string(name) + boolean(want_reply) + rest)

    def open_packet(self, kind="session", number=0, window=1 << 21, packet=32768, rest=b""):
        return (bytes([CHANNEL_OPEN]) + string(kind) + u32(number) + u32(window) + u32(packet)
                + rest)

    def open_session(self, number=0, window=1 << 21, packet=32768):
        """A session channel; the Channel."""
        self.send_packet(self.open_packet("session", number, window, packet))
        reply = self.expect(OPEN_CONFIRMATION)
        assert reply.u32() == number
        return Channel(self, number, reply.u32(), reply.u32(), reply.u32())


class Channel:
    """The server's number, window and packet size of a channel that is open. Counts nothing."""

    def __init__(self, client, number, remote, window, packet):
        self.client, self.number, self.remote = client, number, remote
        self.window, self.packet = window, packet

    def send(self, code, rest=b""):
        self.client.send_packet(bytes([code]) + u32(self.remote) + rest)

    def request(self, name, rest=b"", want_reply=True):
        """Whether the server agreed (None if it was not asked to say)."""
        self.send(CHANNEL_REQUEST, string(name) + boolean(want_reply) + rest)
        if not want_reply:
            return None
        while True:
            code, reader = self.client.receive()
            if code in (CHANNEL_SUCCESS, CHANNEL_FAILURE):
                return code == CHANNEL_SUCCESS
            assert code == WINDOW_ADJUST, f"server sent {code} for request {name}"

    def exec(self, command):
        return self.request("exec", string(command))

    def data(self, data):
        self.send(CHANNEL_DATA, string(data))

    def adjust(self, count):
        self.send(WINDOW_ADJUST, u32(count))

    def eof(self):
        self.send(CHANNEL_EOF)

    def close(self):
        self.send(CHANNEL_CLOSE)

    def collect(self, seconds=DEADLINE, adjust=True):
        """Read until the server's CLOSE. Returns a dict: out, err, status, signal, eof."""
        result = {"out": b"", "err": b"", "status": None, "signal": None, "eof": False}
        deadline = time.monotonic() + seconds
        while True:
            code, reader = self.client.receive(max(0.01, deadline - time.monotonic()))
            if code in (WINDOW_ADJUST, CHANNEL_SUCCESS, CHANNEL_FAILURE):
                continue
            assert reader.u32() == self.number, "packet for another channel"
            if code == CHANNEL_DATA:
                data = reader.string()
                result["out"] += data
                if adjust:
                    self.adjust(len(data))
            elif code == EXTENDED_DATA:
                reader.u32()
                result["err"] += reader.string()
            elif code == CHANNEL_EOF:
                result["eof"] = True
            elif code == CHANNEL_REQUEST:
                name = reader.string()
                reader.byte()
                if name == b"exit-status":
                    result["status"] = reader.u32()
                elif name == b"exit-signal":
                    result["signal"] = reader.string().decode()
            elif code == CHANNEL_CLOSE:
                return result
            else:
                raise AssertionError(f"server sent {code}")


def connect(port, **options):
    """A client after banners and key exchange."""
    client = Client(port, **options)
    client.banner()
    client.kex()
    return client


def login(port, user, password, **options):
    """An authenticated client."""
    client = connect(port, **options)
    client.service()
    assert client.password(user, password), "the password was refused"
    return client
