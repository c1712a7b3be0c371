# A client that does not wait for answers before it goes on: each of its requests gets one, in order,
# from the first after the new keys on; what is not offered is refused there, too.
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1}'
daemon_start

raw <<'END'
def expect_codes(c, codes, what):
    got = []
    try:
        for _ in codes:
            got.append(c.receive(seconds=10)[0])
    except (Closed, Silent) as end:
        got.append(repr(end))
    check(got == codes, f"{what}: {got}, expected {codes}")

SERVICE = bytes([SERVICE_REQUEST]) + string("ssh-userauth")

# Right behind NEWKEYS, in the same piece.
for strict in (False, True):
    c = fresh(strict=strict)
    c.banner()
    c.kex(until_keys=False)
    with c.in_one_piece():
        c.send_newkeys()
        c.send_packet(SERVICE)
        c.send_packet(c.auth_packet(USER, "none"))
    c.receive_newkeys()
    expect_codes(c, [SERVICE_ACCEPT, USERAUTH_FAILURE], f"behind NEWKEYS, strict {strict}")
    check(c.password(USER, PASSWORD), "the password afterwards")

# All the way in.
c = fresh()
c.banner()
c.kex(until_keys=False)
with c.in_one_piece():
    c.send_newkeys()
    c.send_packet(SERVICE)
    c.send_packet(c.auth_packet(USER, "none"))
    c.send_password(USER, "wrong")
    c.send_password(USER, PASSWORD)
c.receive_newkeys()
expect_codes(c, [SERVICE_ACCEPT, USERAUTH_FAILURE, USERAUTH_FAILURE, USERAUTH_SUCCESS],
             "a whole login at once")

def pipelined(*requests, user=USER):
    c = client()
    with c.in_one_piece():
        c.send_packet(SERVICE)
        for method, rest in requests:
            c.send_packet(c.auth_packet(user, method, rest))
    return c

NONE = ("none", b"")
# Requests that the library never sees, or drops without a word.
dropped = {
    "unknown key type": ("publickey", boolean(False) + string("ssh-foo") + string("garbage")),
    "key cut short": ("publickey", boolean(False) + u32(99)),
    "password cut short": ("password", boolean(False) + u32(99)),
    "unknown method": ("nonsense", b""),
}
for name, request in dropped.items():
    for order in ((request, NONE), (NONE, request), (request, request), (NONE, request, NONE)):
        c = pipelined(*order)
        expect_codes(c, [SERVICE_ACCEPT] + [USERAUTH_FAILURE] * len(order), name)

# A change of the password is not offered: the old one lets nobody in.
change = ("password", boolean(True) + string(PASSWORD) + string("new"))
for order in ((change,), (NONE, change), (change, NONE), (NONE, change, NONE)):
    c = pipelined(*order)
    expect_codes(c, [SERVICE_ACCEPT] + [USERAUTH_FAILURE] * len(order), "password change")
    check(c.password(USER, PASSWORD), "the password after a change was refused")

# The user name may not change, neither with nor without waiting.
for wait in (True, False):
    c = client()
    with c.in_one_piece():
        c.send_packet(SERVICE)
        c.send_packet(c.auth_packet(USER, "none"))
        if not wait:
            c.send_password("bob", PASSWORD)
    expect_codes(c, [SERVICE_ACCEPT, USERAUTH_FAILURE], "before the name changes")
    if wait:
        c.send_password("bob", PASSWORD)
    text = c.expect_end()
    check(text and "user name" in text, f"reason: {text!r}")

# Authentication before the service was asked for.
c = client()
with c.in_one_piece():
    c.send_password(USER, PASSWORD)
    c.send_packet(SERVICE)
c.expect_end()

# Without end.
c = client()
with c.in_one_piece():
    c.send_packet(SERVICE)
    for _ in range(200):
        c.send_packet(c.auth_packet(USER, "none"))
c.expect_end(SERVICE_ACCEPT, USERAUTH_FAILURE)
others_are_served()
END
