# auth-ldap against a slapd of its own: direct bind, search and bind, StartTLS and ldaps with a CA of
# the test, keys and groups; what is ambiguous, away, silent or not trusted lets nobody in.
# seconds: 180
. "$(dirname "$0")/lib.sh"
need slapd slapadd sshpass openssl plink psftp
[ -d "$PLUGIN_DIR/auth-ldap" ] || skip "auth-ldap is not built"
[ -r /etc/ldap/schema/inetorgperson.schema ] || skip "slapd's schemas are not readable"
export PASSWORD
SERVER_PID=
stop_server()
{
    [ -n "$SERVER_PID" ] || return 0
    kill -CONT "$SERVER_PID" || true
    kill "$SERVER_PID" || true
    wait "$SERVER_PID" 2>/dev/null || true
    SERVER_PID=
}
end_server()
{
    local code=$?
    stop_server
    set +e # finish must be reached, and looks at the code
    (exit $code)
    finish
}
trap end_server EXIT

# The directory.
authority() # NAME
{
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout "$W/$1.key" \
        -out "$W/$1.pem" 2>/dev/null
}
authority ca
authority stranger
openssl req -newkey rsa:2048 -nodes -subj /CN=directory -keyout "$W/slapd.key" -out "$W/slapd.csr" 2>/dev/null
openssl x509 -req -in "$W/slapd.csr" -CA "$W/ca.pem" -CAkey "$W/ca.key" -CAcreateserial -days 2 \
    -extfile <(echo 'subjectAltName=DNS:localhost,IP:127.0.0.1') -out "$W/slapd.pem" 2>/dev/null
mkdir "$W/mdb"
cat >"$W/slapd.conf" <<END
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.3.6.1.4.1.99999.1.1 NAME 'sshPublicKey' EQUALITY octetStringMatch
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
attributetype ( 1.3.6.1.4.1.99999.1.2 NAME 'sshRoot' EQUALITY caseExactMatch
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.99999.2.1 NAME 'sshUser' AUXILIARY MAY ( sshPublicKey \$ sshRoot ) )
moduleload back_mdb
pidfile $W/slapd.pid
TLSCACertificateFile $W/ca.pem
TLSCertificateFile $W/slapd.pem
TLSCertificateKeyFile $W/slapd.key
# The danger that the plugin must know: a name without a password is let in, as nobody.
allow bind_anon_cred bind_anon_dn
database mdb
suffix "dc=example,dc=org"
directory $W/mdb
maxsize 10485760
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=reader,dc=example,dc=org" read by self read by anonymous auth by * none
END
{
    cat <<END
dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: cn=reader,dc=example,dc=org
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: readers-word

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: ou=guests,dc=example,dc=org
objectClass: organizationalUnit
ou: guests

dn: cn=operators,dc=example,dc=org
objectClass: groupOfNames
cn: operators
member: uid=alice,ou=people,dc=example,dc=org
member: uid=nokeys,ou=people,dc=example,dc=org

dn: uid=away,ou=people,dc=example,dc=org
objectClass: referral
objectClass: extensibleObject
uid: away
ref: ldap://127.0.0.1:9/uid=away,dc=example,dc=org

END
    for entry in alice,ou=people nokeys,ou=people outsider,ou=people locked,ou=people twin,ou=people \
        twin,ou=guests nopassword,ou=people nul,ou=people; do
        name=${entry%%,*}
        cat <<END
dn: uid=$entry,dc=example,dc=org
objectClass: inetOrgPerson
objectClass: sshUser
uid: $name
cn: $name
sn: $name
sshRoot: $W/root/alice
END
        [ "$name" = nopassword ] || echo "userPassword: $PASSWORD"
        [ "$name" = nokeys ] || echo "sshPublicKey: $(cat "$W/key.pub")"
        [ "$name" != locked ] || echo "employeeType: locked"
        # A comment in an old encoding does no harm; a NUL might hide something.
        [ "$name" != alice ] || echo "sshPublicKey:: $(printf 'ssh-ed25519 AAAA caf\351' | base64 -w0)"
        [ "$name" != nul ] || echo "sshPublicKey:: $(printf '%s\0' "$(cat "$W/key.pub")" | base64 -w0)"
        echo
    done
} >"$W/data.ldif"
slapadd -f "$W/slapd.conf" -l "$W/data.ldif" >"$W/out/slapadd" 2>&1 || fail "slapadd: $(cat "$W/out/slapadd")"
free_port()
{
    "$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
LDAP_PORT=$(free_port) LDAPS_PORT=$(free_port)
is_listening() { "$PYTHON" -c "import socket; socket.create_connection(('127.0.0.1', $1)).close()"; }
start_server()
{
    slapd -d stats -f "$W/slapd.conf" -h "ldap://127.0.0.1:$LDAP_PORT ldaps://127.0.0.1:$LDAPS_PORT" \
        >>"$W/slapd.log" 2>&1 &
    SERVER_PID=$!
    wait_for 30 slapd is_listening "$LDAP_PORT"
}
start_server

echo readers-word >"$W/reader-word"
chmod 600 "$W/reader-word"
use() # SETTINGS: a merge patch
{
    echo "{\"uri\": \"ldap://127.0.0.1:$LDAP_PORT\", \"ca_file\": \"$W/ca.pem\", \"timeout_ms\": 3000,
        \"service_dn\": \"cn=reader,dc=example,dc=org\", \"service_password_file\": \"$W/reader-word\",
        \"base\": \"dc=example,dc=org\",
        \"filter\": \"(&(objectClass=inetOrgPerson)(uid=%u)(!(employeeType=locked)))\",
        \"groups\": {\"base\": \"dc=example,dc=org\"},
        \"group_grants\": [{\"group\": \"operators\", \"grant\": {\"permit\": [\"sftp\", \"exec\"]}}],
        \"attributes\": {\"root\": \"sshRoot\"}}" >"$W/ldap.json"
    "$PYTHON" "$TESTS/support/merge.py" "$W/ldap.json" "$1"
    configure "{\"plugins\": [{\"name\": \"directory\", \"plugin\": \"auth-ldap\", \"config\": $(cat "$W/ldap.json")},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"}, {\"name\": \"shell\",
        \"plugin\": \"exec-shell\", \"config\": {\"shell\": \"/bin/sh\"}}],
        \"chains\": {\"auth\": [\"directory\"]}, \"auth_methods\": [\"publickey\", \"password\"], \"workers\": 1}"
}
with_password() # USER [PASSWORD]
{
    SSHPASS=${2-$PASSWORD} sshpass -e ssh -F "$W/ssh_config" -o BatchMode=no \
        -o NumberOfPasswordPrompts=1 -o PreferredAuthentications=password -o PubkeyAuthentication=no \
        "$1@target" 'echo in'
}

# Search and bind, over StartTLS.
use '{}'
daemon_start
expect_equal "$(with_password alice)" in "ssh, password"
expect_equal "$(ssh_ target 'echo in')" in "ssh, key"
expect_equal "$(plink_ 'echo in')" in "plink"
echo 'put config.json first' | sftp_ target
echo 'put config.json second' | psftp_ >"$W/out/psftp" || fail "psftp: $(cat "$W/out/psftp")"
expect_same_file "$W/config.json" "$W/root/alice/second"
PYTHONPATH=$TESTS/support "$PYTHON" -c "
import paramiko_client as p
with p.sftp_client() as sftp:
    assert 'first' in sftp.listdir('.'), sftp.listdir('.')"
grep -q 'STARTTLS' "$W/slapd.log" || fail "TLS was not used"
expect_equal "$(with_password nokeys)" in "one without keys, by password"
for user in nokeys twin locked nobody-there away nul; do
    expect_failure ssh_ "$user@target" true
done
for user in twin locked nobody-there away nopassword; do
    expect_failure with_password $user
done
wait_log 'finds more than 1 entries'
wait_log 'it holds a NUL'
expect_failure with_password alice wrong
expect_failure with_password alice ''
expect_failure with_password nopassword ''
expect_failure ssh_ outsider@target 'echo in' # may use SFTP only, being in no group
echo 'ls' | sftp_ outsider@target
raw <<'END'
for name in ("*", "ali*", "alice)(uid=*", "alice,ou=people", "*)(|(uid=*", "al\\69ce", "alice\\", "#alice"):
    for password in (PASSWORD, ""):
        c = client()
        c.service()
        c.send_password(name, password)
        code, _ = c.receive(seconds=20)
        check(code == USERAUTH_FAILURE, f"{name!r}: {code}")
        c.close()
END
expect_equal "$(with_password alice)" in "after names that mean harm"
expect_no_log 'open, sesame|readers-word'

# Only members.
use '{"require_group": true}'
reload
expect_equal "$(with_password alice)" in "a member"
echo 'ls' | expect_failure sftp_ outsider@target

# ldaps, and a direct bind.
use "{\"uri\": \"ldaps://127.0.0.1:$LDAPS_PORT\", \"bind_dn\": \"uid=%u,ou=people,dc=example,dc=org\",
    \"groups\": {\"base\": \"\"}, \"grant\": {\"permit\": [\"exec\"]}}"
reload
expect_equal "$(with_password alice)" in "direct bind"
expect_equal "$(ssh_ target 'echo in')" in "direct, by key"
expect_failure with_password alice wrong
expect_failure with_password alice ''
expect_failure with_password nobody-there
expect_failure ssh_ nokeys@target true
expect_failure ssh_ nobody-there@target true

# Nobody is told a password whose certificate is not trusted.
for uri in "ldap://127.0.0.1:$LDAP_PORT" "ldaps://127.0.0.1:$LDAPS_PORT"; do
    use "{\"uri\": \"$uri\", \"ca_file\": \"$W/stranger.pem\"}"
    reload
    before=$(grep -c ' BIND ' "$W/slapd.log")
    expect_failure with_password alice
    expect_failure ssh_ target true
    expect_equal "$(grep -c ' BIND ' "$W/slapd.log")" "$before" "binds without trust"
done
wait_log 'so the user is refused: ldap.*(TLS|contact|certificate)'

# A service account that is refused, plain text on this machine.
echo wrong >"$W/reader-word"
use '{}'
reload
expect_failure with_password alice
expect_failure ssh_ target true
wait_log 'refuses service_dn'
echo readers-word >"$W/reader-word"
use '{"start_tls": false}'
reload
expect_equal "$(with_password alice)" in "plain, on the machine itself"

# Away, silent, back.
stop_server
expect_failure with_password alice
expect_failure ssh_ target true
start_server
expect_equal "$(with_password alice)" in "after a restart of the directory"
for settings in '{}' '{"start_tls": false}'; do
    use "$settings"
    reload
    kill -STOP "$SERVER_PID"
    begin=$(date +%s%N)
    expect_failure with_password alice
    expect_less $((($(date +%s%N) - begin) / 1000000)) 20000 "milliseconds until a silent directory is given up"
    kill -CONT "$SERVER_PID"
    expect_equal "$(with_password alice)" in "after a silence of the directory"
done
