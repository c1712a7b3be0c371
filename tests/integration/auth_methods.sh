# Password and public keys of each family; what is wrong is refused and says nothing else.
# isolated: too
. "$(dirname "$0")/lib.sh"
need sshpass
for kind in ed25519 ecdsa rsa; do
    ssh-keygen -q -t $kind -N '' -C test -f "$W/id_$kind"
done
ssh-keygen -q -t ed25519 -N '' -C test -f "$W/id_stranger"
add_user keys "{\"password\": null, \"keys\": [\"$(cat "$W/id_ed25519.pub")\",
    \"$(cat "$W/id_ecdsa.pub")\", \"$(cat "$W/id_rsa.pub")\"]}"
add_user words '{"keys": null}'
cat "$W/id_rsa.pub" >"$W/authorized_keys"
add_user listed "{\"password\": null, \"keys\": null, \"authorized_keys\": \"$W/authorized_keys\"}"
daemon_start

with_key() # KIND USER
{
    ssh -F "$W/ssh_config" -o IdentityFile="$W/id_$1" -o PreferredAuthentications=publickey \
        "$2@target" 'echo in'
}
with_password() # PASSWORD USER
{
    SSHPASS=$1 sshpass -e ssh -F "$W/ssh_config" -o BatchMode=no -o NumberOfPasswordPrompts=1 \
        -o PreferredAuthentications=password "$2@target" 'echo in'
}

# The identity of the configuration file comes too; a stranger's key must be the only one.
sed -i '/IdentityFile/d' "$W/ssh_config"
for kind in ed25519 ecdsa rsa; do
    expect_equal "$(with_key $kind keys)" in "$kind"
done
expect_equal "$(with_key rsa listed)" in "a key in an authorized_keys file"
expect_equal "$(with_password "$PASSWORD" words)" in "password"

expect_failure with_key stranger keys
expect_match "$(cat "$W/out/failure")" 'Permission denied' "a stranger's key"
expect_failure with_password wrong words
expect_failure with_password '' words
expect_failure with_password "$PASSWORD" keys
expect_failure with_password "$PASSWORD" nobody-of-that-name
expect_failure ssh_ -o PreferredAuthentications=none target true
