# Requests that libssh leaves without an answer get USERAUTH_FAILURE promptly: a bad signature, an
# unknown key type, empty and garbled blobs; so do unknown methods and services. Each counts as a try.
. "$(dirname "$0")/lib.sh"
configure '{"limits": {"auth_tries": 4}}'
daemon_start

W=$W raw <<'END'
import base64
import os
with open(os.environ["W"] + "/key.pub", encoding="ascii") as file:
    blob = base64.b64decode(file.read().split()[1])
def key_request(algorithm, key, signature):
    rest = boolean(signature is not None) + string(algorithm) + string(key)
    if signature is not None:
        rest += string(signature)
    return "publickey", rest
bad = string("ssh-ed25519") + string(b"\x55" * 64)
cases = {
    "bad signature": key_request("ssh-ed25519", blob, bad),
    "empty signature": key_request("ssh-ed25519", blob, b""),
    "short signature": key_request("ssh-ed25519", blob, string("ssh-ed25519") + string("x")),
    "another algorithm": key_request("rsa-sha2-512", blob, bad),
    "unknown key type": key_request("ssh-nonsense", string("ssh-nonsense") + string("x"), bad),
    "unknown key type, probe": key_request("ssh-nonsense", string("ssh-nonsense"), None),
    "empty blob": key_request("ssh-ed25519", b"", None),
    "garbled blob": key_request("ssh-ed25519", b"\xff" * 60, bad),
    "length past the blob": key_request("ssh-ed25519", string("ssh-ed25519") + u32(1 << 30), bad),
    "unknown method": ("nonsense", b"\xff" * 40),
    "hostbased": ("hostbased", string("ssh-ed25519") + string(blob) + string("h") + string("u")),
    "no method": ("", b""),
}
def failure(c, name):
    try:
        begin = time.monotonic()
        check("publickey" in c.failure_methods(seconds=10), f"{name}: methods")
        check(time.monotonic() - begin < 5, f"{name}: the answer was slow")
    except Silent:
        check(False, f"{name}: no answer")
for name, (method, rest) in cases.items():
    c = client()
    c.service()
    c.send_packet(c.auth_packet(USER, method, rest))
    failure(c, name)
    check(c.password(USER, PASSWORD), f"{name}: the password afterwards")

# Each counts, so that nobody tries for ever.
c = client()
c.service()
for _ in range(20):
    try:
        c.send_packet(c.auth_packet(USER, *cases["bad signature"]))
    except Closed:
        break
c.expect_end(USERAUTH_FAILURE)

# Cut short: failure or disconnect, but an answer.
for rest in (b"", boolean(True), boolean(True) + string("ssh-ed25519"), boolean(False) + u32(99)):
    for method in ("password", "publickey"):
        c = client()
        c.service()
        c.send_packet(c.auth_packet(USER, method, rest))
        c.send_packet(c.auth_packet(USER, "none"))
        try:
            failure(c, f"{method} {rest!r}")
        except Closed:
            pass

# Another service than ssh-connection, and another first request than ssh-userauth.
c = client()
c.service()
c.send_packet(c.auth_packet(USER, "password", boolean(False) + string(PASSWORD), "ssh-nonsense"))
try:
    failure(c, "another service")
except Closed:
    pass
c = client()
c.send_packet(bytes([SERVICE_REQUEST]) + string("ssh-connection"))
c.send_packet(c.open_packet())
c.expect_end()
others_are_served()
END
