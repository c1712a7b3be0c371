# auth-pam against the PAM of this machine, with services of its own: passwords, dialogues whose
# prompts PAM chooses, expired passwords, sessions, and modules that misbehave.
# seconds: 180
. "$(dirname "$0")/lib.sh"
need cc sshpass expect plink psftp
[ -d "$PLUGIN_DIR/auth-pam" ] || skip "auth-pam is not built"
export PASSWORD W
: "${ISOLATION:=in-process}" # auth_pam_isolated.sh has another
# A leak check traces the process, which the sandbox forbids.
[ "$ISOLATION" = in-process ] || SANITIZER_OPTIONS=detect_leaks=0
mkdir "$W/pam.d" "$W/players"
cc -shared -fPIC -fvisibility=hidden -o "$W/pam_players.so" "$TESTS/support/pam_players.c" -lpam \
    2>"$W/out/cc" || skip "no PAM module can be compiled: $(head -1 "$W/out/cc")"
for facility in auth account password session; do
    echo "$facility required $W/pam_players.so state=$W/players"
done >"$W/pam.d/players"
# One that asks a program, as sites with a directory of their own making do.
cat >"$W/judge" <<'END'
#!/bin/sh
[ "$PAM_TYPE" = auth ] && [ "$PAM_USER" = alice ] && [ "$PAM_RHOST" = 127.0.0.1 ] &&
    [ "$(tr -d '\0')" = "$1" ]
END
chmod +x "$W/judge"
cat >"$W/pam.d/program" <<END
auth required pam_faildelay.so delay=60000000
auth required pam_exec.so quiet expose_authtok $W/judge program-password
account required pam_permit.so
END
printf 'auth required pam_permit.so\naccount required pam_deny.so\n' >"$W/pam.d/no-account"
printf 'auth required pam_deny.so\naccount required pam_permit.so\n' >"$W/pam.d/no-entry"
printf 'auth required %s/pam_nothing.so\naccount required pam_permit.so\n' "$W" >"$W/pam.d/no-module"

use() # SERVICE [SETTINGS]
{
    echo "{\"service\": \"$1\", \"config_directory\": \"$W/pam.d\",
        \"grant\": {\"root\": \"$W/root/alice\", \"permit\": [\"sftp\", \"exec\", \"shell\"]}}" >"$W/pam.json"
    "$PYTHON" "$TESTS/support/merge.py" "$W/pam.json" "${2-"{}"}"
    configure "{\"plugins\": [{\"name\": \"pam\", \"plugin\": \"auth-pam\",
        \"isolation\": \"$ISOLATION\", \"config\": $(cat "$W/pam.json")},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"}, {\"name\": \"shell\",
        \"plugin\": \"exec-shell\", \"config\": {\"shell\": \"/bin/sh\"}}],
        \"chains\": {\"auth\": [\"pam\"], \"connection\": [\"pam\"]}, \"workers\": 1}"
}
with_password() # USER [PASSWORD]
{
    SSHPASS=${2-$PASSWORD} sshpass -e ssh -F "$W/ssh_config" -o BatchMode=no \
        -o NumberOfPasswordPrompts=1 -o PreferredAuthentications=password -o PubkeyAuthentication=no \
        "$1@target" 'echo in'
}
# A dialogue with these rounds of answers; prints all that PAM says and asks, then in or out.
dialogue() # USER ROUND...; the answers of a round have / between them
{
    PYTHONPATH=$TESTS/support "$PYTHON" - "$@" <<'END'
import os, sys
import paramiko_client  # noqa: F401
import paramiko
user, rounds = sys.argv[1], [text.split("/") for text in sys.argv[2:]]
transport = paramiko.Transport(("127.0.0.1", int(os.environ["PORT"])))
transport.start_client()
def handler(title, instructions, prompts):
    if instructions:
        print(instructions.strip().replace("\n", " "), end="|")
    print("".join(text + ("+" if echo else "-") for text, echo in prompts), end="|")
    return rounds.pop(0) if rounds else ["" for _ in prompts]
try:
    transport.auth_interactive(user, handler)
    print("in")
except paramiko.AuthenticationException:
    print("out")
finally:
    transport.close()
END
}

use players
daemon_start

# Passwords.
expect_equal "$(with_password alice)" in "ssh, password"
for user in locked renamed late-rename unknown broken twice otp two wide endless; do
    expect_failure with_password $user
done
expect_failure with_password alice wrong
expect_failure with_password empty ''
wait_log "has changed the user's name"

# Dialogues.
expect_equal "$(dialogue alice "$PASSWORD")" "Password: -|in" "one prompt"
expect_equal "$(dialogue alice wrong)" "Password: -|out" "a wrong answer"
expect_equal "$(dialogue two blue/123456)" "Say who you are. Quickly!|Colour: +Code: -|in" "two prompts"
expect_equal "$(dialogue two blue/000000)" "Say who you are. Quickly!|Colour: +Code: -|out" "two prompts"
expect_equal "$(dialogue twice "$PASSWORD" 654321)" "Password: -|Code: -|in" "two rounds"
expect_equal "$(dialogue renamed "$PASSWORD")" "Password: -|out" "another name"
expect_equal "$(dialogue locked "$PASSWORD")" "Password: -|out" "no account"
expect_match "$(dialogue endless)" '^(Again: -\|){16}out$' "a module that asks without end"
expect_equal "$(dialogue wide)" "out" "a module that asks too much at once"
expect_equal "$(dialogue expired-alice "$PASSWORD" "$PASSWORD" 'fine and long' 'fine and long')" \
    "Password: -|Current password: -|New password: -|Retype new password: -|in" "an expired password"
expect_equal "$(dialogue expired-alice 'fine and long')" "Password: -|in" "the new password"
cat >"$W/answer" <<'END'
set timeout 30
spawn ssh -F $env(W)/ssh_config -o BatchMode=no -o PreferredAuthentications=keyboard-interactive \
    -o PubkeyAuthentication=no two@target "echo in"
expect "Colour: " { send "blue\r" }
expect "Code: " { send "123456\r" }
expect -re "\nin" { exit 0 }
exit 1
END
expect "$W/answer" >"$W/out/expect" || fail "ssh, a dialogue: $(cat "$W/out/expect")"

# A password that has expired, as ssh changes it.
cat >"$W/change" <<'END'
set timeout 30
spawn ssh -F $env(W)/ssh_config -o BatchMode=no -o PreferredAuthentications=password \
    -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 expired-bob@target "echo in"
expect "password: " { send "$env(PASSWORD)\r" }
expect "old password: " { send "$env(PASSWORD)\r" }
expect "new password: " { send "fine and long\r" }
expect "new password: " { send "fine and long\r" }
expect -re "\nin" { exit 0 }
exit 1
END
expect "$W/change" >"$W/out/expect" || fail "ssh, a change: $(cat "$W/out/expect")"
expect_failure with_password expired-bob
expect_equal "$(with_password expired-bob 'fine and long')" in "the new password"

# Clients that leave in the middle of one hold nobody up.
raw <<'END'
for _ in range(3):
    c = client()
    c.service()
    c.send_packet(c.auth_packet("two", "keyboard-interactive", string("") + string("")))
    code, _ = c.receive(seconds=10)
    check(code == 60, f"no question came, but {code}")
    c.close()
END
expect_equal "$(with_password alice)" in "after clients that left"

# A program.
use program
reload
expect_equal "$(with_password alice program-password)" in "pam_exec"
begin=$SECONDS
expect_failure with_password alice wrong
expect_less $((SECONDS - begin)) 30 "seconds for a refusal that a module wants to delay by a minute"

# An account that may not be used, a service that lets nobody in, a module that is not there.
for service in no-account no-entry no-module; do
    use $service
    reload
    expect_failure with_password alice
    expect_equal "$(dialogue alice "$PASSWORD")" out "$service"
done
wait_log "check the service's file"
use no-such-service
expect_failure reload
wait_log 'no-such-service that can be read'

# Sessions begin after the login and end with the connection.
use players '{"session": true, "grant_environment": true}'
reload
expect_equal "$(with_password alice)" in "with a session"
wait_for 20 "the session's end" grep -q '^close alice 127.0.0.1 ssh$' "$W/players/journal"
expect_equal "$(grep -c '^open alice 127.0.0.1 ssh$' "$W/players/journal")" 1 "sessions opened"
with_password homeless >"$W/out/homeless" 2>&1 || true
wait_log 'the session could not be opened'
expect_equal "$(grep -c homeless "$W/players/journal")" 1 "sessions of one who got none"

# PuTTY tries a dialogue first where one is offered, and in batch mode gives up then.
configure '{"auth_methods": ["password"]}'
reload
expect_equal "$(plink_ 'echo in')" in "plink"
echo 'put config.json' | psftp_ >"$W/out/psftp" || fail "psftp: $(cat "$W/out/psftp")"
expect_same_file "$W/config.json" "$W/root/alice/config.json"
expect_no_log 'open, sesame|program-password|123456|fine and long'
