# Certificates as ssh-keygen makes them and ssh presents them, through auth-keys and auth-file; what a
# certificate restricts holds whatever the plugin grants; a CA of one user's file; a revocation list
# that changes with a reload.
. "$(dirname "$0")/lib.sh"

cd "$W"
umask 077
ssh-keygen -q -t ed25519 -N '' -C '' -f ca
ssh-keygen -q -t rsa -b 2048 -N '' -C '' -f rsa_ca
ssh-keygen -q -t ed25519 -N '' -C '' -f other_ca
ssh-keygen -q -t ed25519 -N '' -C '' -f user
cat ca.pub rsa_ca.pub >authorities
mkdir keys "$W/root/bob"
echo '# nothing yet' >keys/bob
echo "id: stolen" >spec
ssh-keygen -q -k -f revoked.krl -s ca.pub spec
configure "{
    \"user_certificates\": {\"authorities\": [\"authorities\"], \"revoked_keys\": \"revoked.krl\"},
    \"limits\": {\"auth_tries\": 50},
    \"plugins\": [
        {\"name\": \"users\", \"plugin\": \"auth-file\",
         \"config\": {\"users_file\": \"$W/users.json\", \"certificates\": true}},
        {\"name\": \"keys\", \"plugin\": \"auth-keys\",
         \"config\": {\"files\": [\"$W/keys/%u\"], \"environment\": true,
                      \"grant\": {\"permit\": [\"exec\", \"sftp\", \"pty\", \"env\"], \"root\": \"$W/root/%u\"}}},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"},
        {\"name\": \"shell\", \"plugin\": \"exec-shell\", \"config\": {\"shell\": \"/bin/sh\"}}],
    \"chains\": {\"auth\": [\"users\", \"keys\"]}}"
daemon_start

sign() # CA OPTIONS...; the certificate for "user" is user-cert.pub
{
    local by=$1; shift
    rm -f user-cert.pub
    ssh-keygen -q -s "$by" -I id "$@" user.pub 2>/dev/null
}

login() # USER COMMAND
{
    ssh -n -F "$W/ssh_config" -o IdentityFile=none -o CertificateFile="$W/user-cert.pub" -i "$W/user" \
        -l "$1" target "$2"
}

expect_in() # USER WHAT
{
    expect_equal "$(login "$1" 'echo in')" in "$2"
}

expect_out() # USER REGEX-OF-THE-LOG
{
    : >log
    expect_failure login "$1" 'echo in'
    wait_log "$2"
}

sign ca -n bob,carol -V -1h:+1h
expect_in bob 'a good certificate'
expect_out dave 'auth.denied .*user=dave method=publickey'
sign rsa_ca -n alice -t rsa-sha2-256
expect_in alice 'a certificate for a user of the users file'
sign rsa_ca -n alice -t rsa-sha2-512
expect_in alice 'a certificate for a user of the users file'

sign other_ca -n bob
expect_out bob 'auth.denied .*user=bob method=publickey'

# Restrictions of the certificate.
sign ca -n bob -O force-command='echo forced'
expect_equal "$(login bob 'echo mine')" forced 'a forced command'
sign ca -n bob -O clear
expect_match "$(ssh -tt -F ssh_config -i user -o CertificateFile=user-cert.pub -l bob target \
    'tty || true' 2>&1 </dev/null || true)" 'PTY allocation|not a tty' 'a certificate without permit-pty'

# A CA of one user's file.
echo "cert-authority,principals=\"ops\",environment=\"WHO=ops\" $(cat other_ca.pub)" >keys/bob
sign other_ca -n ops
expect_equal "$(login bob 'echo $WHO')" ops 'a certificate of a cert-authority line'
expect_out carol 'auth.denied .*user=carol method=publickey'
sign other_ca -n bob
expect_out bob 'auth.denied .*user=bob method=publickey'

# The list of a reload holds; one that cannot be read changes nothing.
sign ca -n bob -z 100
expect_in bob 'before the CA is revoked'
cp revoked.krl good.krl
cat ca.pub >revoked.krl
reload
expect_out bob 'signed by a revoked CA'
echo nonsense >revoked.krl
expect_failure reload
expect_match "$(cat out/failure)" 'revoked.krl: line 1' 'what reload says'
expect_out bob 'signed by a revoked CA'
cp good.krl revoked.krl
reload
expect_in bob 'after the CA is taken back'
