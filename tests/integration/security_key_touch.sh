# T33: a hardware key must have been touched: its signature without the flag of the user's presence
# is refused, with it it is taken; a counter or flag that is not what was signed is refused. A plugin
# may do without the touch, or want a PIN or fingerprint as well; it is told of both.
. "$(dirname "$0")/lib.sh"

mkdir "$W/token"
W=$W "$PYTHON" - "$TESTS/support" <<'END'
import base64
import os
import sys
sys.path.insert(0, sys.argv[1])
from rawssh import string
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
secret = Ed25519PrivateKey.generate()
raw = secret.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw,
                           serialization.NoEncryption())
public = secret.public_key().public_bytes(serialization.Encoding.Raw,
                                          serialization.PublicFormat.Raw)
kind = "sk-ssh-ed25519@openssh.com"
blob = string(kind) + string(public) + string("ssh:")
with open(os.environ["W"] + "/token/secret", "wb") as file:
    file.write(raw)
with open(os.environ["W"] + "/token/key.pub", "w", encoding="ascii") as file:
    file.write(f"{kind} {base64.b64encode(blob).decode()} token\n")
END
ssh-keygen -l -f "$W/token/key.pub" >/dev/null || fail "the key is not what ssh-keygen knows"
add_user alice "{\"keys\": [\"$(cat "$W/token/key.pub")\"]}"
configure '{"limits": {"auth_tries": 50}}'
daemon_start

cat >"$W/cases.py" <<'END'
import base64
import hashlib
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
with open(os.environ["W"] + "/token/secret", "rb") as file:
    secret = Ed25519PrivateKey.from_private_bytes(file.read())
with open(os.environ["W"] + "/token/key.pub", encoding="ascii") as file:
    kind, blob = file.read().split()[:2]
blob = base64.b64decode(blob)
TOUCHED, VERIFIED = 1, 4

def signed_request(c, signed_flags, sent_flags=None, sent_count=7, application=b"ssh:"):
    """The part after the method's name. What is signed: OpenSSH's PROTOCOL.u2f."""
    head = boolean(True) + string(kind) + string(blob)
    message = string(c.session_id) + c.auth_packet(USER, "publickey", head)
    signature = secret.sign(hashlib.sha256(application).digest() + bytes([signed_flags])
                            + u32(7) + hashlib.sha256(message).digest())
    flags = signed_flags if sent_flags is None else sent_flags
    return head + string(string(kind) + string(signature) + bytes([flags]) + u32(sent_count))

def tries(**signature):
    c = client()
    c.service()
    c.send_packet(c.auth_packet(USER, "publickey", boolean(False) + string(kind) + string(blob)))
    c.expect(USERAUTH_PK_OK)
    c.send_packet(c.auth_packet(USER, "publickey", signed_request(c, **signature)))
    code, _ = c.receive(seconds=10)
    c.close()
    return code

def expect(cases):
    for name, signature, expected in cases:
        code = tries(**signature)
        check(code == expected, f"{name}: answer {code}, expected {expected}")

YES, NO = USERAUTH_SUCCESS, USERAUTH_FAILURE
END
attempt()
{
    { cat "$W/cases.py"; cat; } | W=$W raw
}
attempt <<'END'
expect((
        ("touched", {"signed_flags": TOUCHED}, USERAUTH_SUCCESS),
        ("touched, with a PIN", {"signed_flags": TOUCHED | VERIFIED}, USERAUTH_SUCCESS),
        ("not touched", {"signed_flags": 0}, USERAUTH_FAILURE),
        ("a PIN, not touched", {"signed_flags": VERIFIED}, USERAUTH_FAILURE),
        ("a flag made up", {"signed_flags": 0, "sent_flags": TOUCHED}, USERAUTH_FAILURE),
        ("a flag taken away", {"signed_flags": TOUCHED, "sent_flags": 0}, USERAUTH_FAILURE),
        ("another counter", {"signed_flags": TOUCHED, "sent_count": 8}, USERAUTH_FAILURE),
        ("another application", {"signed_flags": TOUCHED, "application": b"https://example.org"},
         USERAUTH_FAILURE)))
others_are_served()
END

use() # KEY OPTIONS
{
    configure '{"plugins": [{"name": "users", "plugin": "judge", "config": {"keys": true, "permit": 2047, "key_options": '"$1"'}},
        {"name": "files", "plugin": "fs-posix"}, {"name": "shell", "plugin": "exec-shell"}]}'
    reload
}
use 1
attempt <<'END'
expect((("not touched, which is optional", {"signed_flags": 0}, YES),
        ("touched", {"signed_flags": TOUCHED}, YES)))
END
wait_log 'asked publickey .*state=2 flags=1 '
wait_log 'asked publickey .*state=2 flags=0 '
use 2
attempt <<'END'
expect((("touched, no PIN", {"signed_flags": TOUCHED}, NO),
        ("a PIN, not touched", {"signed_flags": VERIFIED}, NO),
        ("both", {"signed_flags": TOUCHED | VERIFIED}, YES)))
END
wait_log 'asked publickey .*state=2 flags=3 '
wait_log 'reason="the key was used without PIN or fingerprint"'
use 3
attempt <<'END'
expect((("a PIN, not touched, which is optional", {"signed_flags": VERIFIED}, YES),
        ("nothing", {"signed_flags": 0}, NO)))
END
