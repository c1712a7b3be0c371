# T12: garbage, a banner without an end, one of 64 KiB, one byte at a time, nothing at all: the
# connection ends within the handshake's time, and everybody else is served meanwhile.
. "$(dirname "$0")/lib.sh"
configure '{"timeouts": {"handshake_ms": 2000}}'
daemon_start

raw <<'END'
import os
slow = fresh()
silent = fresh()
half = fresh()
half.send_raw(b"SSH-2.0-no_newline")

for garbage in (b"\0" * 100, os.urandom(4000) + b"\n", b"GET / HTTP/1.1\r\n\r\n",
                b"SSH-1.5-old\r\n", b"SSH-2.0-" + b"x" * 65536 + b"\r\n", b"SSH-9.9-x\n",
                b"SSH-2.0-\0\x1b[31m\n", b"\n" * 65536):
    c = fresh()
    try:
        c.send_raw(garbage)
        c.wait_closed(10)
    except Closed:
        pass
others_are_served()

# Byte by byte is slow but right.
c = fresh()
for byte in c.our_banner + b"\r\n":
    c.send_raw(bytes([byte]))
c.read_banner()
c.kex()

try:
    for byte in b"SSH-2.0-" + b"s" * 240:
        slow.send_raw(bytes([byte]))
        time.sleep(0.05)  # slowness is the case
    check(False, "twelve seconds of banner were allowed")
except Closed:
    pass
silent.wait_closed(10)
half.wait_closed(10)
others_are_served()
END
