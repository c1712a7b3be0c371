# Host keys in every form, with and without passphrase: ssh, PuTTY and paramiko find the same key
# behind each; a set of keys for each listener, or as a plugin chooses; faults keep the daemon from
# starting, or the old keys in force.
. "$(dirname "$0")/lib.sh"
need ssh-keyscan plink puttygen openssl

cd "$W"
umask 077
echo -n secret >passphrase
export KEY_PASSPHRASE=secret

make_putty() # KEY OUT VERSION
{
    puttygen "$1" -O private -o "$2" --new-passphrase passphrase --ppk-param version="$3"
}

ssh-keygen -q -t ed25519 -N '' -C '' -f plain_ed25519
ssh-keygen -q -t ecdsa -b 384 -N '' -C '' -f plain_ecdsa
ssh-keygen -q -t rsa -b 2048 -N '' -C '' -f plain_rsa
for kind in ed25519 ecdsa rsa; do
    cp plain_$kind openssh_$kind
    ssh-keygen -q -p -P '' -N secret -f openssh_$kind
    make_putty plain_$kind ppk2_$kind 2
    make_putty plain_$kind ppk3_$kind 3
done
for kind in ecdsa rsa; do
    cp plain_$kind pem_$kind
    ssh-keygen -q -p -P '' -N '' -m PEM -f pem_$kind
    openssl pkcs8 -topk8 -in pem_$kind -out pkcs8_$kind -passout pass:secret
    openssl req -x509 -key pem_$kind -subj /CN=host -days 2 -out certificate.pem
    openssl pkcs12 -export -inkey pem_$kind -in certificate.pem -out pkcs12_$kind -passout pass:secret
done
"$PYTHON" - <<'END'
import base64
import json
from cryptography.hazmat.primitives import serialization as s
key = s.load_ssh_private_key(open("plain_ed25519", "rb").read(), None)
secret = key.private_bytes(s.Encoding.Raw, s.PrivateFormat.Raw, s.NoEncryption())
public = key.public_key().public_bytes(s.Encoding.Raw, s.PublicFormat.Raw)
def text(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
json.dump({"kty": "OKP", "crv": "Ed25519", "d": text(secret), "x": text(public)},
          open("jwk_ed25519", "w"))
with open("jwk_ed25519") as jwk:
    json.dump({"host_keys": {"files": None, "keys": [{"text": jwk.read()}]}}, open("inline", "w"))
END
cat >offered.py <<'END'
import sys
import paramiko
transport = paramiko.Transport(("127.0.0.1", int(sys.argv[1])))
transport.get_security_options().key_types = [sys.argv[2]]
transport.start_client(timeout=20)
key = transport.get_remote_server_key()
print(key.get_name(), key.get_base64())
transport.close()
END

# ssh and paramiko agree that the server on PORT has that public key.
expect_host_key() # NAME-OF-KEY [PORT]
{
    local port=${2:-$PORT} line
    line=$(cut -d' ' -f1,2 "$1.pub")
    local algorithm=${line%% *}
    [ "$algorithm" != ssh-rsa ] || algorithm=rsa-sha2-512
    echo "target $line" >known_hosts
    expect_equal "$(ssh_ -p "$port" -o HostKeyAlgorithms=$algorithm target echo in)" in "ssh with $1"
    expect_equal "$("$PYTHON" offered.py "$port" $algorithm)" "$line" "what paramiko sees of $1"
}

# One of each family, in the forms given.
keys_of() # NAMES...
{
    local list= name
    for name; do
        case $name in
        plain* | pem* | jwk*) list="$list, {\"file\": \"$name\"}" ;;
        ppk*) list="$list, {\"file\": \"$name\", \"passphrase_environment\": \"KEY_PASSPHRASE\"}" ;;
        *) list="$list, {\"file\": \"$name\", \"passphrase_file\": \"passphrase\"}" ;;
        esac
    done
    echo "{\"host_keys\": {\"files\": null, \"keys\": [${list#, }]}}"
}

expect_all_keys()
{
    local kind
    for kind in ed25519 ecdsa rsa; do expect_host_key plain_$kind; done
    # PuTTY takes the one it likes best.
    expect_equal "$(plink -batch -ssh -P "$PORT" -l alice -pw "$PASSWORD" \
        -hostkey "$(ssh-keygen -l -f plain_ed25519.pub | cut -d' ' -f2)" 127.0.0.1 'echo in')" in plink
}

# Every form, and each kind of key in some of them; test_private_key has all of all.
configure '{"workers": 1}'
configure "$(keys_of openssh_ed25519 pkcs8_ecdsa pkcs12_rsa)"
daemon_start
expect_all_keys
configure "$(keys_of ppk2_ed25519 pkcs12_ecdsa pem_rsa)"
reload
expect_all_keys
configure "$(keys_of jwk_ed25519 pem_ecdsa ppk2_rsa)"
reload
expect_all_keys
configure "$(keys_of ppk3_ed25519 openssh_ecdsa pkcs8_rsa)"
if reload 2>failure; then
    expect_all_keys
else
    grep -q 'lacks Argon2' failure || fail "$(cat failure)"
fi
configure "$(cat inline)"
chmod 600 config.json
reload
expect_host_key plain_ed25519
wait_log 'hostkey.loaded .*file=/host_keys/keys/0 .*fingerprint=SHA256:.* md5=MD5:'

# Every fault: the reload says what is wrong, and the old key stays.
expect_fault() # PATCH REGEX
{
    cp config.json good.json
    configure "$1"
    expect_failure reload
    expect_match "$(cat "$W/out/failure")" "$2" "what reload says"
    cp good.json config.json
    expect_equal "$(ssh_ target echo in)" in "a login after a reload that failed"
}
one() # FILE [MORE]
{
    echo "{\"host_keys\": {\"files\": null, \"keys\": [{\"file\": \"$1\"${2:+, $2}}]}}"
}
expect_fault "$(one openssh_rsa)" 'openssh_rsa: is encrypted, and no passphrase is given'
expect_fault "$(one openssh_rsa '"passphrase_file": "plain_rsa"')" 'the passphrase is wrong'
expect_fault "$(one openssh_rsa '"passphrase_environment": "NO_SUCH"')" 'environment has no NO_SUCH'
expect_fault "$(one plain_rsa.pub)" 'is a public key'
expect_fault "$(one certificate.pem)" 'is a certificate'
expect_fault "$(one passphrase)" 'in no form known here'
expect_fault "$(keys_of plain_ecdsa pem_ecdsa)" 'of a family that another key of this set has already'
cp plain_rsa open_rsa
chmod 644 open_rsa
expect_fault "$(one open_rsa)" 'open to other users \(mode 0644\)'
chmod 644 config.json
expect_failure reload
expect_match "$(cat out/failure)" 'the configuration that holds this key is open' "what reload says"
chmod 600 config.json

# A set for a listener, and one that a plugin chooses.
daemon_stop
sets='{"second": {"files": ["plain_ecdsa"]}, "third": {"files": ["plain_rsa"]}}'
configure "{\"host_keys\": {\"files\": [\"plain_ed25519\"], \"keys\": null}, \"host_key_sets\": $sets,
    \"listeners\": [{\"name\": \"main\", \"address\": \"127.0.0.1\", \"port\": 0},
        {\"name\": \"other\", \"address\": \"127.0.0.1\", \"port\": 0, \"host_keys\": \"second\"}]}"
daemon_start
other=$(status 's["listeners"][1]["port"]')
expect_host_key plain_ed25519
expect_host_key plain_ecdsa "$other"
expect_equal "$(ssh-keyscan -T 5 -p "$other" 127.0.0.1 2>/dev/null | wc -l)" 1 "keys of the other listener"
expect_equal "$(sallyport hostkeys "$W/config.json" | awk 'NR > 1 { print $1, $3 }')" \
    "- $(ssh-keygen -l -f plain_ed25519.pub | cut -d' ' -f2)
second $(ssh-keygen -l -f plain_ecdsa.pub | cut -d' ' -f2)
third $(ssh-keygen -l -f plain_rsa.pub | cut -d' ' -f2)" "sallyport hostkeys"
expect_match "$(sallyport hostkeys "$W/config.json")" \
    "$(ssh-keygen -l -E md5 -f plain_rsa.pub | cut -d' ' -f2)" "the MD5 fingerprint"

[ -d "$SALLYPORT_BUILD_PLUGINS/observer" ] || exit 0
choose() # SET
{
    plugins=$("$PYTHON" -c 'import json, sys
plugins = [p for p in json.load(open("config.json"))["plugins"] if p["name"] != "observer"]
plugins.append({"name": "observer", "config": {"request": "allow", "host_keys": sys.argv[1]}})
print(json.dumps(plugins))' "$1")
    configure "{\"plugins\": $plugins, \"chains\": {\"connection\": [\"observer\"]}}"
    reload
}
choose third
expect_host_key plain_rsa
expect_host_key plain_rsa "$other"
choose ''
expect_host_key plain_ecdsa "$other"
choose fourth
expect_equal "$(ssh-keyscan -T 5 -p "$PORT" 127.0.0.1 2>/dev/null | wc -l)" 0 "keys of an unknown set"
wait_log 'connection.no_such_host_keys .*plugin=observer set=fourth'
