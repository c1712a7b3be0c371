# T23, T32, AUTH-04: a key counts only for who signed with it; algorithm, key and signature must be
# of one configured kind, which is decided before the key is parsed; small RSA keys are refused; and
# plugins that ask for it hear of every signature that was checked, good or bad.
. "$(dirname "$0")/lib.sh"
for kind in "rsa 3072 rsa" "rsa 1024 small" "ecdsa 256 p256" "ecdsa 521 p521" "ed25519 0 mallory"; do
    set -- $kind
    ssh-keygen -q -t "$1" $([ "$2" = 0 ] || echo -b "$2") -N '' -C '' -f "$W/$3"
done
configure '{"limits": {"auth_tries": 100, "rsa_min_bits": 2048}, "plugins": [
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "watcher", "plugin": "judge"},
    {"name": "files", "plugin": "fs-posix"}, {"name": "shell", "plugin": "exec-shell"}],
    "chains": {"auth": ["users", "watcher"]}}'
keys=$(printf '"%s", ' "$(cat "$W/key.pub")" "$(cat "$W/rsa.pub")" "$(cat "$W/small.pub")" \
    "$(cat "$W/p256.pub")" "$(cat "$W/p521.pub")")
add_user alice "{\"keys\": [${keys%, }]}"
add_user mallory "{\"keys\": [\"$(cat "$W/mallory.pub")\"]}"
daemon_start
names='from rawauth import *
W = os.environ["W"]
ALICE, MALLORY, RSA, SMALL, P256, P521 = (Key(f"{W}/{name}") for name in
                                          ("key", "mallory", "rsa", "small", "p256", "p521"))
YES, NO, OK = USERAUTH_SUCCESS, USERAUTH_FAILURE, USERAUTH_PK_OK
def expect(code, expected, what):
    check(code == expected, f"{what}: answer {code}, expected {expected}")
'
attempt()
{
    { echo "$names"; cat; } | W=$W raw
}
attempt <<'END'
# Keys of every kind, each with what it signs with.
for key in (ALICE, RSA, P256, P521):
    expect(Login(PORT, USER).prove(key), YES, key.kind)
expect(Login(PORT, USER).prove(RSA, announced=b"rsa-sha2-256", algorithm=b"rsa-sha2-256"), YES, "SHA-256")

# T23: probe one's key, sign with another's.
login = Login(PORT, "mallory")
expect(login.offer(ALICE), NO, "somebody else's key")
expect(login.prove(ALICE, signer=MALLORY), NO, "signed with another key than told")
login = Login(PORT, USER)
expect(login.offer(ALICE), OK, "the victim's key")
expect(login.prove(ALICE, signer=MALLORY), NO, "the victim's key, signed by mallory")
expect(login.prove(MALLORY), NO, "mallory's key for alice")
expect(login.offer(ALICE), OK, "the victim's key again")
expect(login.password("wrong"), NO, "a password after the offer")
# A signature for another connection, user or method.
data = string(b"x" * 32) + login.client.auth_packet(USER, "publickey", boolean(True)
                                                     + string(ALICE.kind) + string(ALICE.blob))
expect(login.prove(ALICE, signature=ALICE.sign(data)), NO, "another connection's signature")
other = Login(PORT, "mallory")
head = boolean(True) + string(ALICE.kind) + string(ALICE.blob)
data = string(other.client.session_id) + other.client.auth_packet(USER, "publickey", head)
expect(other.prove(ALICE, signature=ALICE.sign(data)), NO, "another user's signature")
expect(other.prove(MALLORY), YES, "mallory as mallory")

# T32: algorithm, key and signature of one kind.
login = Login(PORT, USER)
for what, arguments in (
        ("Ed25519 as RSA", {"key": ALICE, "announced": b"rsa-sha2-512"}),
        ("RSA as Ed25519", {"key": RSA, "announced": b"ssh-ed25519"}),
        ("a plain key as a hardware key", {"key": ALICE, "announced": b"sk-ssh-ed25519@openssh.com"}),
        ("a plain key as a certificate", {"key": ALICE, "announced": b"ssh-ed25519-cert-v01@openssh.com"}),
        ("256 bits as 521", {"key": P256, "announced": b"ecdsa-sha2-nistp521"}),
        ("SHA-512 announced, SHA-256 signed", {"key": RSA, "algorithm": b"rsa-sha2-256"}),
        ("SHA-512 announced, SHA-1 signed", {"key": RSA, "algorithm": b"ssh-rsa"}),
        ("SHA-1", {"key": RSA, "announced": b"ssh-rsa", "algorithm": b"ssh-rsa"}),
        ("an unknown algorithm", {"key": ALICE, "announced": b"ssh-nonsense"}),
        ("no algorithm", {"key": ALICE, "announced": b""}),
        ("DSA", {"key": ALICE, "announced": b"ssh-dss", "blob": string("ssh-dss") + string("x") * 4}),
        ("a small key", {"key": SMALL}),
        ("another algorithm in the signature",
         {"key": ALICE, "signature": string("rsa-sha2-512") + string("x" * 64)}),
        ("a hardware key's signature", {"key": ALICE, "signature": string("sk-ssh-ed25519@openssh.com")
                                        + string("x" * 64) + b"\1" + u32(1)}),
        ("an empty signature", {"key": ALICE, "signature": b""}),
        ("a signature with a tail", {"key": ALICE, "signature": string("ssh-ed25519")
                                     + string("x" * 64) + b"tail"}),
        ("a short signature", {"key": ALICE, "signature": string("ssh-ed25519") + string("x" * 63)}),
        ("a long RSA signature", {"key": RSA, "signature": string("rsa-sha2-512") + string("x" * 30000)}),
        ("an RSA signature of nothing", {"key": RSA, "signature": string("rsa-sha2-512") + string("")}),
        ("an RSA signature of zeros", {"key": RSA, "signature": string("rsa-sha2-512") + string(bytes(384))}),
        ("an ECDSA signature of zeros", {"key": P256, "signature": string("ecdsa-sha2-nistp256")
                                         + string(mpint(0) + mpint(0))}),
        ("an ECDSA signature cut short", {"key": P256, "signature": string("ecdsa-sha2-nistp256")
                                          + string(u32(1 << 30))}),
        ("a key with a tail", {"key": ALICE, "blob": ALICE.blob + b"tail"}),
        ("a key cut short", {"key": ALICE, "blob": ALICE.blob[:-1]})):
    expect(login.prove(**arguments), NO, what)
expect(login.offer(SMALL), NO, "a small key, offered")
expect(login.prove(ALICE), YES, "the right one afterwards")
others_are_served()
END
wait_log 'reason="the key is an RSA key that is too small"'
wait_log 'reason="the signature is of another kind than announced"'
wait_log 'reason="the algorithm is not accepted"'
# AUTH-04: told of good and bad signatures, not of offers.
fingerprint=$(ssh-keygen -l -f "$W/key.pub" | cut -d' ' -f2 | tr + .) # a + means more to grep
wait_log "asked key_checked user=alice .*state=2 .*type=ssh-ed25519 algorithm=ssh-ed25519 fingerprint=$fingerprint"
wait_log "asked key_checked user=alice .*state=3 .*type=ssh-ed25519 algorithm=ssh-ed25519 fingerprint=$fingerprint"
expect_no_log 'asked key_checked .*state=1'

# Only one kind: others are refused unparsed, and the client is told what is taken.
configure '{"algorithms": {"public_keys": ["ecdsa-sha2-nistp521"]}}'
reload
attempt <<'END'
login = Login(PORT, USER)
for key in (ALICE, RSA, P256):
    expect(login.offer(key), NO, key.kind)
    expect(login.prove(key), NO, key.kind)
expect(login.prove(P521), YES, "the only kind")
c = client()
c.service()
END
ssh -v -F "$W/ssh_config" target true >"$W/out/ssh" 2>&1 || true
grep -q 'server-sig-algs=<ecdsa-sha2-nistp521>' "$W/out/ssh" || fail "server-sig-algs: $(grep sig-algs "$W/out/ssh")"
