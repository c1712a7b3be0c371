# A certificate, then a web service, then a one-time code; or else PAM in a process of its own. When
# that process is killed in the middle of a dialogue, that login fails and no other.
. "$(dirname "$0")/lib.sh"
need cc oathtool ssh-keygen plink sftp
[ -d "$PLUGIN_DIR/auth-http" ] || skip "auth-http is not built"
[ -d "$PLUGIN_DIR/auth-pam" ] || skip "auth-pam is not built"
export PASSWORD W
expect_crashes # of PAM's process
SANITIZER_OPTIONS+=:detect_leaks=0 # a leak check traces the process, which the sandbox forbids
SERVER_PID=
stop_server()
{
    local code=$?
    [ -z "$SERVER_PID" ] || kill "$SERVER_PID" || true
    set +e # finish must be reached, and looks at the code
    (exit $code)
    finish
}
trap stop_server EXIT

# The certificate's authority, the web service, the one-time code, the PAM service.
ssh-keygen -q -t ed25519 -N '' -C '' -f "$W/ca"
ssh-keygen -q -s "$W/ca" -I test -n alice -z 1 "$W/key.pub"
"$PYTHON" "$TESTS/support/http_users.py" "$W" "$W/http.port" &
SERVER_PID=$!
wait_for 20 "the web service" test -s "$W/http.port"
mkdir -m 700 "$W/totp"
sallyport totp enrol alice --directory "$W/totp" >/dev/null
mkdir "$W/pam.d" "$W/players"
cc -shared -fPIC -fvisibility=hidden -o "$W/pam_players.so" "$TESTS/support/pam_players.c" -lpam \
    2>"$W/out/cc" || skip "no PAM module can be compiled: $(head -1 "$W/out/cc")"
PAM_PASSWORD='another word'
export PAM_PASSWORD
echo "$PAM_PASSWORD" >"$W/players/password-alice"
for facility in auth account password session; do
    echo "$facility required $W/pam_players.so state=$W/players"
done >"$W/pam.d/players"

# alice may log in by certificate only: no key of hers is known here.
add_user alice '{"keys": null, "password": null}'
configure '{"workers": 1,
    "user_certificates": {"authorities": ["'"$W"'/ca.pub"]},
    "plugins": [
        {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json", "certificates": true}},
        {"name": "web", "plugin": "auth-http", "config": {"url": "http://127.0.0.1:'"$(cat "$W/http.port")"'/judge",
            "methods": ["password"]}},
        {"name": "totp", "plugin": "auth-totp", "config": {"directory": "'"$W"'/totp"}},
        {"name": "pam", "plugin": "auth-pam", "config": {"service": "players", "config_directory": "'"$W"'/pam.d",
            "grant": {"root": "'"$W"'/root/alice", "permit": ["sftp", "exec"]}}},
        {"name": "files", "plugin": "fs-posix"},
        {"name": "shell", "plugin": "exec-shell", "config": {"shell": "/bin/sh"}}],
    "chains": {"auth": ["users", "web", "totp", "pam"], "connection": ["pam"]},
    "auth_methods": ["publickey", "password", "keyboard-interactive"],
    "auth_require": [["publickey:users", "password:web", "keyboard-interactive:totp"],
                     ["keyboard-interactive:pam"]]}'
daemon_start
sed -i '/IdentityFile/a\    CertificateFile '"$W"'/key-cert.pub' "$W/ssh_config"

# What ssh asks, by the prompt's words.
cat >"$W/askpass" <<'END'
#!/bin/sh
echo "$1" >>"$W/asked"
case $1 in
*One-time*) cat "$W/code" ;;
*) echo "$PASSWORD" ;;
esac
END
chmod 700 "$W/askpass"
code() # SECONDS FROM NOW
{
    oathtool --totp -b --now "now + $1 seconds" \
        "$(sed -n 's/.*"secret": "\([A-Z2-7]*\)".*/\1/p' "$W/totp/alice.json")" >"$W/code"
}
answering() # CLIENT ARGUMENT...
{
    local client=$1
    shift
    SSH_ASKPASS=$W/askpass SSH_ASKPASS_REQUIRE=force setsid "$client" -F "$W/ssh_config" \
        -o BatchMode=no -o NumberOfPasswordPrompts=1 \
        -o PreferredAuthentications="${METHODS-publickey,password,keyboard-interactive}" "$@"
}

code 0
expect_equal "$(answering ssh -n target 'echo in')" in "ssh, three factors"
expect_equal "$(wc -l <"$W/asked")" 2 "what was asked besides the certificate"
# Each factor is needed.
code 30
for METHODS in publickey,keyboard-interactive password,keyboard-interactive publickey,password; do
    expect_failure answering ssh -n target true
done
unset METHODS
expect_match "$(answering sftp -q target <<<'pwd')" 'working directory: /' "sftp, three factors"

# PAM, in place of all that: PuTTY, and paramiko, whose login ends with PAM's process.
expect_equal "$(plink_ -pw "$PAM_PASSWORD" 'echo in' </dev/null)" in "plink, PAM"
PYTHONPATH=$TESTS/support "$PYTHON" - <<'END'
import os, signal, subprocess, sys
import paramiko_client  # noqa: F401
import paramiko

PORT, PASSWORD, W = int(os.environ["PORT"]), os.environ["PAM_PASSWORD"], os.environ["W"]

def hosts():
    found = subprocess.run(["pgrep", "-f", "--", "--plugin-host .*" + W], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]

def login(handler):
    transport = paramiko.Transport(("127.0.0.1", PORT))
    transport.start_client()
    try:
        transport.auth_interactive("alice", handler)
        return transport
    except (paramiko.AuthenticationException, paramiko.SSHException):
        transport.close()
        return None

answer = lambda title, instructions, prompts: [PASSWORD for _ in prompts]
other = login(answer)
assert other and other.is_authenticated(), "PAM lets nobody in"
before = hosts()
assert len(before) == 1, before

def kill_and_answer(title, instructions, prompts):
    if prompts:
        os.kill(before[0], signal.SIGKILL)
    return [PASSWORD for _ in prompts]
assert login(kill_and_answer) is None, "a login was let in by a process that is dead"
channel = other.open_session()
channel.exec_command("echo still here")
assert channel.makefile().read() == b"still here\n", "another connection was disturbed"
print("killed")
END
wait_log 'plugin.*pam'
wait_for 20 "PAM to be back" plink_ -pw "$PAM_PASSWORD" true
sallyport plugin info pam --config "$W/config.json" >"$W/out/info"
expect_match "$(cat "$W/out/info")" 'isolation +process' "how PAM is run"
expect_match "$(cat "$W/out/info")" 'auth\.keyboard_interactive' "what PAM was asked"
