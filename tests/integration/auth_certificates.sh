# T31, T24: the core judges certificates before any plugin, which here takes every key: those that
# are not good in every respect are refused, and what a good one restricts holds whatever is granted.
. "$(dirname "$0")/lib.sh"
for name in ca rsa_ca revoked_ca user host_user revoked_user other; do
    kind=ed25519
    [ $name != rsa_ca ] || kind="rsa -b 2048"
    ssh-keygen -q -t $kind -N '' -C '' -f "$W/$name"
done
cat "$W/ca.pub" "$W/rsa_ca.pub" "$W/revoked_ca.pub" >"$W/authorities"
# A certificate NAME of key user, or of $KEY: sign NAME CA OPTIONS...
sign()
{
    local name=$1 ca=$2
    shift 2
    cp "$W/${KEY:-user}.pub" "$W/$name.pub"
    ssh-keygen -q -s "$W/$ca" -I "id-$name" "$@" "$W/$name.pub" 2>/dev/null
    mv "$W/$name-cert.pub" "$W/$name.cert"
}
sign good ca -n alice -z 1
sign rsa-signed rsa_ca -t rsa-sha2-512 -n alice -z 2
sign no-principals ca -z 3
sign list-principal ca -n alice -z 4
sign host ca -h -n alice -z 5
sign expired ca -n alice -V 20200101:20210101 -z 6
sign future ca -n alice -V 20900101:20910101 -z 7
sign unknown-option ca -n alice -O critical:nonsense@example.org=x -z 8
sign other-address ca -n alice -O source-address=192.0.2.0/24 -z 9
sign this-address ca -n alice -O source-address=127.0.0.0/8 -z 10
sign revoked-serial ca -n alice -z 4711
sign sha1-signed rsa_ca -t ssh-rsa -n alice -z 12
sign revoked-ca revoked_ca -n alice -z 13
KEY=revoked_user sign revoked-key ca -n alice -z 14
KEY=ca sign own-ca ca -n alice -z 15
sign wildcard ca -n '*' -z 16
sign forced ca -n alice -O clear -O force-command='echo by certificate' -z 17
sign clear ca -n alice -O clear -z 18
sign stranger other -n alice -z 19
sign verify ca -n alice -O verify-required -z 20
cat >"$W/revoked.spec" <<END
serial: 4711
END
ssh-keygen -q -k -f "$W/krl" -s "$W/ca.pub" "$W/revoked.spec"
ssh-keygen -q -k -u -f "$W/krl" "$W/revoked_ca.pub" "$W/revoked_user.pub"
chmod 644 "$W/krl" "$W/authorities"
use() # THE JUDGE'S CONFIGURATION
{
    configure '{"limits": {"auth_tries": 100}, "auth_require": [],
        "user_certificates": {"authorities": ["'"$W"'/authorities"], "revoked_keys": "'"$W"'/krl"},
        "plugins": [{"name": "all", "plugin": "judge", "config": '"$1"'},
        {"name": "more", "plugin": "judge", "config": {"secret": "x", "permit": 2047, "command": "echo by password"}},
        {"name": "files", "plugin": "fs-posix"}, {"name": "shell", "plugin": "exec-shell"}],
        "chains": {"auth": ["all", "more"]}}'
}
use '{"keys": true, "permit": 2047}'
daemon_start
attempt()
{
    { cat <<'END'
from rawauth import *
W = os.environ["W"]
YES, NO, OK = USERAUTH_SUCCESS, USERAUTH_FAILURE, USERAUTH_PK_OK
def certificate(name, key="user"):
    return Key(f"{W}/{key}", f"{W}/{name}.cert")
def expect(code, expected, what):
    check(code == expected, f"{what}: answer {code}, expected {expected}")
def output(login):
    channel = login.client.open_session()
    check(channel.exec("echo as asked"), "exec refused")
    return channel.collect()["out"].decode().strip()
END
    cat; } | W=$W raw
}
attempt <<'END'
for name in ("good", "rsa-signed", "this-address"):
    login = Login(PORT, USER)
    expect(login.offer(certificate(name)), OK, f"{name}, offered")
    expect(login.prove(certificate(name)), YES, name)
    check(output(login) == "as asked", f"{name}: output")
login = Login(PORT, USER)
for name, key in (("no-principals", "user"), ("host", "user"), ("expired", "user"),
                  ("future", "user"), ("unknown-option", "user"), ("other-address", "user"),
                  ("revoked-serial", "user"), ("sha1-signed", "user"), ("revoked-ca", "user"),
                  ("revoked-key", "revoked_user"), ("own-ca", "ca"), ("wildcard", "user"),
                  ("verify", "user")):
    if name != "verify":
        expect(login.offer(certificate(name, key)), NO, f"{name}, offered")
    expect(login.prove(certificate(name, key)), NO, name)
expect(login.prove(Key(f"{W}/revoked_user")), NO, "a revoked plain key")
expect(login.prove(Key(f"{W}/revoked_ca")), NO, "a revoked CA's key as a plain one")

# Principals that are a list in one name; made by hand, as no tool would.
good = certificate("good")
for principal in (b"a,ce", b"al*ce", b"al\0ce"):
    broken = good.blob.replace(b"\0\0\0\5alice", u32(len(principal)) + principal)
    expect(login.prove(good, blob=broken), NO, principal)
# Changed in any other way: the CA has not signed that.
for place in (60, 100, 150, len(good.blob) - 10):
    broken = good.blob[:place] + bytes([good.blob[place] ^ 1]) + good.blob[place + 1:]
    expect(login.prove(good, blob=broken), NO, f"byte {place} changed")
for length in (0, 1, 40, 100, len(good.blob) - 1):
    expect(login.prove(good, blob=good.blob[:length]), NO, f"{length} bytes")
expect(login.prove(good, signer=Key(f"{W}/other")), NO, "signed with another key than certified")
expect(login.prove(good, announced=b"ssh-ed25519"), NO, "announced as a plain key")
expect(login.prove(good), YES, "the good one after all that")

# Every CA is shown to plugins; whether it is a configured one they are told.
expect(Login(PORT, USER).prove(certificate("stranger")), YES, "a CA that only the plugin trusts")
# What a certificate does not permit, no grant gives.
login = Login(PORT, USER)
expect(login.prove(certificate("clear")), YES, "no extensions")
channel = login.client.open_session()
check(not channel.request("pty-req", string("vt100") + u32(80) + u32(24) + u32(0) + u32(0)
                          + string("\0")), "a terminal without permit-pty")
login.client.send_packet(login.client.open_packet("direct-tcpip", 1, rest=string("127.0.0.1")
                                                  + u32(PORT) + string("127.0.0.1") + u32(1)))
login.client.expect(OPEN_FAILURE)
login = Login(PORT, USER)
expect(login.prove(certificate("forced")), YES, "force-command")
check(output(login) == "by certificate", "the command is forced")
END
wait_log 'certificate=id-good trusted=1'
wait_log 'certificate=id-stranger trusted=0'
wait_log 'key_checked .*certificate=id-good'
wait_log 'reason="the certificate has expired"'
grep -q 'asked publickey .*certificate=id-expired' "$W/log" && fail "a plugin saw an expired certificate"

# OpenSSH's own client, with its keys and their certificates.
cp "$W/good.cert" "$W/user-cert.pub"
sed -i '/IdentityFile/d' "$W/ssh_config"
expect_equal "$(ssh_ -i "$W/user" -o CertificateFile="$W/good.cert" target 'echo in')" in "ssh with a certificate"
ssh-keygen -q -t rsa -b 2048 -N '' -C '' -f "$W/rsa_user"
KEY=rsa_user sign rsa-good ca -n alice -z 30
expect_equal "$(ssh_ -i "$W/rsa_user" -o CertificateFile="$W/rsa-good.cert" target 'echo in')" in "an RSA certificate"
ssh-keygen -q -t ecdsa -N '' -C '' -f "$W/ec_user"
KEY=ec_user sign ec-good ca -n alice -z 31
expect_equal "$(ssh_ -i "$W/ec_user" -o CertificateFile="$W/ec-good.cert" target 'echo in')" in "an ECDSA certificate"

# A command that the plugin forces, and another of the certificate: nobody is let in; the same is
# fine. And what one factor restricts holds after the next (T24).
use '{"keys": true, "permit": 2047, "command": "echo by plugin"}'
reload
attempt <<'END'
login = Login(PORT, USER)
expect(login.prove(certificate("forced")), NO, "two commands")
expect(login.prove(certificate("good")), YES, "one command")
check(output(login) == "by plugin", "the plugin's command")
END
wait_log 'reason="the factors force different commands"'
use '{"keys": true, "permit": 2047, "command": "echo by certificate"}'
reload
attempt <<'END'
login = Login(PORT, USER)
expect(login.prove(certificate("forced")), YES, "the same command")
check(output(login) == "by certificate", "the command")
END
use '{"keys": true, "permit": 2047}'
configure '{"auth_require": [["publickey", "password"]]}'
reload
attempt <<'END'
login = Login(PORT, USER)
expect(login.prove(certificate("clear")), NO, "one factor")
check(login.partial, "no partial success")
expect(login.password("x"), YES, "two")
check(output(login) == "by password", "the second factor's command")
channel = login.client.open_session()
check(not channel.request("pty-req", string("vt100") + u32(80) + u32(24) + u32(0) + u32(0)
                          + string("\0")), "a terminal, though the certificate of the first factor has none")
login = Login(PORT, USER)
expect(login.prove(certificate("forced")), NO, "one factor")
expect(login.password("x"), NO, "a password that forces another command")
check(not login.partial, "partial")
# The certified key is the plain one: it counts once.
login = Login(PORT, USER)
expect(login.prove(certificate("good")), NO, "one factor")
expect(login.prove(Key(f"{W}/user")), NO, "the same key, plain")
END
