# auth-pam with the accounts of a system: pam_unix in a process of its own that is root's, and
# accounts that only this daemon sees.
# needs: root
. "$(dirname "$0")/lib.sh"
need sshpass unshare mount openssl
[ -d "$PLUGIN_DIR/auth-pam" ] || skip "auth-pam is not built"
[ "$(id -u)" = 0 ] || skip "only root may check the passwords of others"
SANITIZER_OPTIONS=detect_leaks=0 # a leak check traces the process, which the sandbox forbids
mkdir "$W/pam.d" "$W/root/ann"
chmod 755 "$W" "$W/root"
printf '%s required pam_unix.so\n' auth account >"$W/pam.d/system"
hash() { openssl passwd -6 -salt sallyportTests "$1"; }
{ cat /etc/passwd; printf '%s:x:%d:65534::/:/bin/sh\n' ann 61001 old 61002 none 61003; } >"$W/passwd"
{
    cat /etc/shadow
    echo "ann:$(hash "$PASSWORD"):20000:0:99999:7:::"
    echo "old:$(hash "$PASSWORD"):10000:0:99999:7::10001:" # the account has expired
    echo "none::20000:0:99999:7:::"
} >"$W/shadow"
chmod 600 "$W/shadow"
cat >"$W/enter" <<'END'
#!/bin/sh
mount --bind "$W/passwd" /etc/passwd && mount --bind "$W/shadow" /etc/shadow && exec "$@"
END
chmod 755 "$W/enter"
export W PASSWORD
unshare -m "$W/enter" true 2>/dev/null || skip "no mount namespace can be made here"
TRACER=(unshare -m "$W/enter")

configure '{"workers": 1, "user": "nobody", "group": "nogroup", "plugins": [
    {"name": "pam", "plugin": "auth-pam", "sandbox": {"user": "root"},
     "config": {"service": "system", "config_directory": "'"$W"'/pam.d",
                "grant": {"root": "'"$W"'/root/%u", "permit": ["sftp", "exec"]}}},
    {"name": "files", "plugin": "fs-posix"},
    {"name": "shell", "plugin": "exec-shell", "config": {"shell": "/bin/sh"}}],
    "chains": {"auth": ["pam"]}, "auth_methods": ["password", "keyboard-interactive"]}'
daemon_start

login() # USER PASSWORD METHOD
{
    SSHPASS=$2 sshpass -P assword -e ssh -n -F "$W/ssh_config" -o BatchMode=no -o NumberOfPasswordPrompts=1 \
        -o PreferredAuthentications="$3" -o PubkeyAuthentication=no "$1@target" 'echo in'
}
for method in password keyboard-interactive; do
    expect_equal "$(login ann "$PASSWORD" $method)" in "the account's password by $method"
    expect_failure login ann wrong $method
    expect_failure login old "$PASSWORD" $method
    expect_failure login none '' $method
    expect_failure login nobody-of-that-name "$PASSWORD" $method
done
host=$(pgrep -f -- "--plugin-host .*$W")
expect_equal "$(ps -o user= -p "$host")" root "who PAM's process is"
expect_equal "$(ps -o user= -p "$(worker_pids | while read -r pid; do
    [ "$pid" = "$host" ] || echo "$pid"; done)")" nobody "who the worker is"
