# Requests to authenticate that follow each other so closely that one is read while another is being
# answered: with a large IGNORE between them the library reads on in the middle of sending its reply.
# Each gets the answer that belongs to it, in order, and nobody is let in.
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1, "limits": {"auth_tries": 100}}'
daemon_start

W=$W raw <<'END'
import base64
import itertools
with open(os.environ["W"] + "/key.pub", encoding="ascii") as file:
    blob = base64.b64decode(file.read().split()[1])

def key(signature=None):
    rest = boolean(signature is not None) + string("ssh-ed25519") + string(blob)
    return "publickey", rest + (string(signature) if signature is not None else b"")

NONE = ("none", b"")
PROBE = key()
FORGED = key(string("ssh-ed25519") + string(b"\x55" * 64))
WRONG = ("password", boolean(False) + string("wrong"))
UNKNOWN = ("nonsense", b"")
GARBLED = ("publickey", boolean(False) + string("ssh-foo") + string("garbage"))

def answers(requests, gap, size):
    """The codes that come back for requests in one piece, with an IGNORE after the first few."""
    c = client()
    c.service()
    with c.in_one_piece():
        for number, request in enumerate(requests):
            c.send_packet(c.auth_packet(USER, *request))
            if number < gap:
                c.send_packet(bytes([IGNORE]) + string(b"x" * size))
    codes = []
    for request in requests:
        try:
            codes.append(c.receive(seconds=10)[0])
        except (Closed, Silent) as end:
            check(False, f"{[r[0] for r in requests]}, IGNORE of {size}: {codes}, then {end!r}")
    return c, codes

def expect_answers(requests, gap, size):
    c, codes = answers(requests, gap, size)
    expected = [USERAUTH_PK_OK if request is PROBE else USERAUTH_FAILURE for request in requests]
    check(codes == expected,
          f"{[r[0] for r in requests]}, IGNORE of {size}: answers {codes}, expected {expected}")
    check(c.password(USER, PASSWORD), "the password afterwards")
    c.close()

for size in (4100, 0, 30000):
    # Nothing here proves anything: an offered key and a password that is wrong.
    expect_answers((NONE, PROBE, WRONG), 1, size)
    expect_answers((NONE, PROBE, UNKNOWN), 1, size)
    expect_answers((NONE, PROBE, FORGED), 1, size)
    expect_answers((NONE, NONE, NONE), 1, size)
    expect_answers((NONE, GARBLED, NONE), 1, size)
for requests in itertools.permutations((NONE, PROBE, WRONG, GARBLED)):
    expect_answers(requests, 4, 4100)

# What follows a success is ignored, not answered, and changes nothing.
c = client()
c.service()
with c.in_one_piece():
    c.send_packet(c.auth_packet(USER, *NONE))
    c.send_packet(bytes([IGNORE]) + string(b"x" * 4100))
    c.send_packet(c.auth_packet(USER, "password", boolean(False) + string(PASSWORD)))
    c.send_packet(c.auth_packet(USER, *WRONG))
    c.send_packet(c.auth_packet("mallory", *PROBE))
c.expect(USERAUTH_FAILURE)
c.expect(USERAUTH_SUCCESS)
channel = c.open_session()
check(channel.exec("echo in"), "exec refused")
check(channel.collect()["out"] == b"in\n", "output after the login")
others_are_served()
END
expect_equal "$(grep -c 'auth.accepted' "$W/log")" \
    "$(grep 'auth.accepted' "$W/log" | grep -c 'user=alice method=password')" "who was let in"
