# T03: absurd packet and padding lengths, before the keys and after: disconnect, nobody else is
# harmed.
. "$(dirname "$0")/lib.sh"
daemon_start

raw <<'END'
lengths = (0, 1, 4, 5, 262145, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
for after_keys in (False, True):
    for length in lengths:
        c = fresh()
        c.banner()
        if after_keys:
            c.kex()
        try:
            c.send_packet(bytes([IGNORE]) + string("x" * 40), length=length)
            c.send_raw(b"\xA5" * 400000)
            c.expect_end(KEXINIT, UNIMPLEMENTED)
        except Closed:
            pass
        except Silent:
            check(False, f"length {length:#x} after_keys={after_keys}: still connected")
    for padding in (0, 3, 60, 255):
        c = fresh()
        c.banner()
        if after_keys:
            c.kex()
        try:
            c.send_packet(bytes([IGNORE]) + string("x" * 40), padding=padding)
            if after_keys and padding in (0, 3):
                continue  # tolerated or not: the peer's own matter
            c.send_packet(bytes([IGNORE]) + string("y" * 40), padding=255)
            c.expect_end(KEXINIT, UNIMPLEMENTED)
        except Closed:
            pass
    c = client() if after_keys else fresh()
    try:
        if not after_keys:
            c.banner()
        c.send_packet(b"")  # no message code
        while c.receive()[0] != UNIMPLEMENTED:
            pass
    except Closed:
        pass
others_are_served()
END
