# T01, T05, T06, T07, T10, T14: key exchange messages out of order, twice and after authentication, injected
# packets under strict key exchange, oversized name lists, bad public values, unknown messages.
. "$(dirname "$0")/lib.sh"
daemon_start

raw <<'END'
def ends(c, what, *allowed):
    try:
        c.expect_end(KEXINIT, UNIMPLEMENTED, *allowed)
    except Silent:
        check(False, f"{what}: still connected")

# Strict key exchange is offered, and then nothing may stand between the messages of the first one.
c = fresh()
c.banner()
offer = c.receive_packet()
check(b"kex-strict-s-v00@openssh.com" in offer, "strict key exchange is not offered")
for code in (IGNORE, DEBUG, UNIMPLEMENTED, 192):
    injected = bytes([code]) + boolean(False) + string("xxx") + string("")
    for place in ("first", "middle"):
        c = fresh(strict=True)
        c.banner()
        try:
            if place == "first":
                c.send_packet(injected)
            c.kex(injected=injected if place == "middle" else None)
            c.service()
        except Closed:
            continue
        check(False, f"message {code}, {place}, was tolerated under strict key exchange")
c = client(strict=True)
c.service()
check(c.password(USER, PASSWORD), "strict key exchange")

# Out of order.
for packets in ([NEWKEYS], [ECDH_INIT], [KEXINIT, NEWKEYS], [ECDH_REPLY]):
    c = fresh()
    c.banner()
    try:
        for code in packets:
            c.send_packet(c.kexinit() if code == KEXINIT else bytes([code]) + string(b"\x09" * 32))
        c.send_packet(bytes([SERVICE_REQUEST]) + string("ssh-userauth"))
        ends(c, f"messages {packets}", ECDH_REPLY)
    except Closed:
        pass
for make in (client, user):
    for code in (NEWKEYS, ECDH_INIT, ECDH_REPLY):
        c = make()
        try:
            c.send_packet(bytes([code]) + string(b"\x09" * 32))
            ends(c, f"message {code} after the key exchange")
        except Closed:
            pass

# Public values that are none.
for value in (b"", b"\0" * 32, b"\x09" * 31, b"\x09" * 33, b"\xff" * 5000, b"\x01" + b"\0" * 31):
    c = fresh()
    c.banner()
    c.send_packet(c.kexinit())
    try:
        c.send_packet(bytes([ECDH_INIT]) + string(value))
        ends(c, f"public value {value[:4]!r} of {len(value)} bytes")
    except Closed:
        pass

# Lists without end, and nothing in common.
for lists in ({"kex": b",".join(b"x%d" % n for n in range(20000))}, {"cipher_in": b"a" * 200000},
              {"kex": b""}, {"kex": b"nonsense"}, {"mac_out": b",,,,"}):
    c = fresh()
    c.banner()
    try:
        c.send_packet(c.kexinit(**lists))
        c.send_packet(bytes([ECDH_INIT]) + string(b"\x09" * 32))
        ends(c, f"lists {list(lists)}", ECDH_REPLY)
    except Closed:
        pass
c = fresh()
c.banner()
try:
    c.send_packet(c.kexinit()[:40] + u32(0x7FFFFFFF))
    ends(c, "a list past the packet")
except Closed:
    pass

# Wrong guesses of the first message are dropped, time and again, and nothing of them is kept: what
# is, the leak checker tells when the daemon ends.
def guesses_wrong(c):
    polite = c.kexinit
    c.kexinit = lambda: polite(kex=b"nonsense,curve25519-sha256")[:-5] + b"\x01" + u32(0)
    return bytes([ECDH_INIT]) + string(b"\x07" * 32)
for _ in range(100):
    c = fresh()
    c.banner()
    c.kex(injected=guesses_wrong(c))
    c.close()
c = user()
wrong = guesses_wrong(c)
for _ in range(100):
    c.kex(injected=wrong)
check(c.open_session().exec("true"), "after wrong guesses")

# Unknown messages are answered, and harm nobody.
c = user()
for code in (8, 49, 192, 255):
    c.send_packet(bytes([code]) + b"whatever")
    c.expect(UNIMPLEMENTED)
c.send_packet(bytes([IGNORE]) + string("x" * 1000))
c.send_packet(bytes([DEBUG]) + boolean(True) + string("x") + string(""))
check(c.open_session().exec("true"), "after unknown messages")
others_are_served()
END
