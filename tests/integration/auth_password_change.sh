# A password that must be changed is asked for anew (RFC 4252, 8) and judged with the old one; a
# change that nobody asked for, an empty one, and one that is refused again and again are not taken.
. "$(dirname "$0")/lib.sh"
need expect
configure '{"limits": {"auth_tries": 4}, "plugins": [
    {"name": "users", "plugin": "judge", "config": {"old_secret": "stale", "secret": "fresh", "permit": 2047}},
    {"name": "other", "plugin": "judge", "config": {"secret": "x", "keys": true}},
    {"name": "files", "plugin": "fs-posix"}, {"name": "shell", "plugin": "exec-shell"}],
    "chains": {"auth": ["users"]}}'
daemon_start
raw <<'END'
from rawauth import *
YES, NO, CHANGE = USERAUTH_SUCCESS, USERAUTH_FAILURE, USERAUTH_PK_OK

def expect(code, expected, what):
    check(code == expected, f"{what}: answer {code}, expected {expected}")

def asked():
    login = Login(PORT, USER)
    expect(login.password("stale"), CHANGE, "a stale password")
    check(login.reader.string() == b"Your password is too old.", "the prompt")
    check(login.reader.string() == b"" and login.reader.left() == 0, "the language")
    return login

login = asked()
expect(login.change("stale", "long enough"), YES, "a new password")
login = asked()
expect(login.change("wrong", "long enough"), NO, "the old one is wrong")
expect(login.change("stale", "long enough"), NO, "the question was over")
login = asked()
expect(login.change("stale", ""), NO, "an empty one")
login = asked()
expect(login.change("stale", "with\0NUL"), NO, "one with a NUL")
login = Login(PORT, USER)
expect(login.change("stale", "long enough"), NO, "nobody asked")
expect(login.change("fresh", "long enough"), NO, "nobody asked, and it need not be changed")
expect(login.password("fresh"), YES, "the right password afterwards")

# Too short: asked again, and each time counts.
login = asked()
expect(login.change("stale", "short"), CHANGE, "a short one")
check(login.reader.string() == b"Too short.", "the second prompt")
expect(login.change("stale", "long enough"), YES, "the second new password")
login = asked()
for _ in range(4):
    expect(login.change("stale", "short"), CHANGE, "a short one")
try:
    login.change("stale", "long enough")
    check(False, "five tries")
except Closed as closed:
    check("too many" in (closed.text or ""), closed.text)

# Leaving the question open counts as a try; cut short packets are refused.
login = asked()
expect(login.none(), NO, "none")
login = asked()
expect(login.request("password", boolean(True) + string("stale")), NO, "no new password at all")
END
expect_no_log 'stale|fresh|long enough'
wait_log 'asked password change user=alice'

cat >"$W/change.exp" <<'END'
set timeout 20
spawn ssh -F $env(W)/ssh_config -o BatchMode=no -o LogLevel=INFO -o PreferredAuthentications=password target {echo in}
expect {assword:} {send "stale\r"} timeout {exit 2}
expect {Your password is too old.} {} timeout {exit 3}
expect {old password:} {send "stale\r"} timeout {exit 4}
expect {new password:} {send "long enough\r"} timeout {exit 5}
expect {new password:} {send "long enough\r"} timeout {exit 6}
expect {
    -re {\nin\r\n} {}
    eof {exit 7}
    timeout {exit 8}
}
expect eof
exit 0
END
W=$W expect "$W/change.exp" || fail "ssh could not change the password (step $?)"
