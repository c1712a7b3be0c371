# T26: lists of required factors: right ones in order let in, with the methods that remain told at
# each step; a wrong second factor, another order, a factor repeated, and plugins that say yes twice
# or want more never do.
. "$(dirname "$0")/lib.sh"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$W/other_key"
add_user alice "{\"keys\": [\"$(cat "$W/key.pub")\", \"$(cat "$W/other_key.pub")\"]}"
use() # REQUIRE [JUDGE'S CONFIGURATION] [CHAIN]
{
    configure "{\"auth_require\": $1, \"limits\": {\"auth_tries\": 20},
        \"plugins\": [
        {\"name\": \"users\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/users.json\"}},
        {\"name\": \"totp\", \"plugin\": \"judge\", \"config\": ${2-{\"secret\": \"123456\"\}}},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"}, {\"name\": \"shell\", \"plugin\": \"exec-shell\"}],
        \"chains\": {\"auth\": ${3-[\"users\", \"totp\"]}}}"
}
attempt() # Python on standard input
{
    { cat <<'END'
from rawauth import *
W = os.environ["W"]
KEY, OTHER = Key(W + "/key"), Key(W + "/other_key")
CODE = "123456"
YES, NO, ASKED = USERAUTH_SUCCESS, USERAUTH_FAILURE, USERAUTH_INFO_REQUEST

def login(name=USER):
    return Login(PORT, name)

def expect(login, code, expected, methods=None, partial=None):
    check(code == expected, f"answer {code}, expected {expected}")
    if methods is not None:
        check(sorted(login.methods) == sorted(methods), f"methods {login.methods}, not {methods}")
    if code == NO:
        check(login.partial == bool(partial), f"partial success is {login.partial}")

def expect_partial(login, code, methods):
    expect(login, code, NO, methods, True)
END
    cat; } | W=$W raw
}

use '[["publickey", "keyboard-interactive"], ["password", "totp"]]'
daemon_start
attempt <<'END'
one = login()
expect(one, one.none(), NO, ["publickey", "password"])
expect(one, one.offer(KEY), USERAUTH_PK_OK)
expect_partial(one, one.prove(KEY), ["keyboard-interactive", "password"])
expect(one, one.prove(KEY), NO, ["keyboard-interactive", "password"])  # counted already
expect(one, one.offer(KEY), NO)
expect(one, one.prove(OTHER), NO, ["keyboard-interactive", "password"])  # another key, not wanted
expect(one, one.none(), NO)
expect(one, one.ask(), ASKED)
expect(one, one.respond("wrong"), NO, ["keyboard-interactive", "password"])
expect(one, one.prove(KEY), NO)
expect(one, one.password("wrong"), NO)
expect(one, one.ask(), ASKED)
expect(one, one.respond(CODE), YES)

# The second list; the code as a password or as an answer.
for answer in (lambda c: c.password(CODE), lambda c: c.ask() and c.respond(CODE)):
    two = login()
    expect(two, two.password(CODE), NO, ["publickey", "password"])  # totp waits for its turn
    expect_partial(two, two.password(PASSWORD), ["publickey", "password", "keyboard-interactive"])
    expect(two, two.password(PASSWORD), NO)
    expect(two, two.ask(), ASKED)
    expect(two, two.respond("000000"), NO)
    expect(two, two.password("000000"), NO)
    expect(two, answer(two), YES)

# In another order, and crosswise.
three = login()
expect(three, three.ask(), NO, ["publickey", "password"])
expect_partial(three, three.prove(KEY), ["keyboard-interactive", "password"])
expect_partial(three, three.password(PASSWORD), ["publickey", "keyboard-interactive", "password"])
expect(three, three.prove(OTHER), NO)
expect(three, three.password(CODE), YES)

# Another user between the factors.
four = login()
expect_partial(four, four.prove(KEY), ["keyboard-interactive", "password"])
four.user = "bob"
try:
    four.ask()
    check(False, "the user was changed")
except Closed as closed:
    check("user name" in closed.text, closed.text)

# Everything at once.
five = login()
c = five.client
with c.in_one_piece():
    for text in (PASSWORD, PASSWORD, CODE, CODE):
        c.send_packet(c.auth_packet(USER, "password", boolean(False) + string(text)))
expect_partial(five, five.answer(), ["publickey", "password", "keyboard-interactive"])
expect(five, five.answer(), NO)
expect(five, five.answer(), YES)
check(c.open_session().exec("true"), "exec refused")
others = login()
expect(others, others.none(), NO)
END
expect_equal "$(grep -c 'auth.accepted' "$W/log")" 5 "logins"
wait_log 'auth.partial .*method=publickey plugin=users'

# OpenSSH's client goes the whole way.
need sshpass
expect_equal "$(SSHPASS=123456 sshpass -P 'code:' -e ssh -F "$W/ssh_config" -o BatchMode=no \
    -o PreferredAuthentications=publickey,keyboard-interactive target 'echo in')" in "ssh, two factors"
expect_failure ssh_ -o PreferredAuthentications=publickey target true

# Two different keys; the same one twice is not two.
use '[["publickey", "publickey"]]'
reload
attempt <<'END'
one = login()
expect_partial(one, one.prove(KEY), ["publickey"])
expect(one, one.offer(KEY), NO)
expect(one, one.prove(KEY), NO)
expect(one, one.offer(OTHER), USERAUTH_PK_OK)
expect(one, one.prove(OTHER), YES)
END

# An instance for a method: the other one is not even asked.
use '[["password:totp", "publickey"]]'
reload
attempt <<'END'
one = login()
expect(one, one.password(PASSWORD), NO, ["password"])
expect(one, one.prove(KEY), NO)
expect_partial(one, one.password(CODE), ["publickey"])
expect(one, one.password(CODE), NO)
expect(one, one.prove(KEY), YES)
END
# A plugin that wants more, with and without lists: it says yes to the same twice, in vain.
use '[]' '{"secret": "123456", "verdict": "partial", "methods": 2}' '["totp", "users"]'
reload
attempt <<'END'
one = login()
expect_partial(one, one.password(CODE), ["password"])
expect(one, one.password(CODE), NO)
expect(one, one.none(), NO)
expect(one, one.password(PASSWORD), YES)
END
use '[["password"]]' '{"secret": "123456", "verdict": "partial"}' '["totp", "users"]'
reload
attempt <<'END'
one = login()
expect_partial(one, one.password(CODE), ["publickey", "keyboard-interactive"])
expect(one, one.password(PASSWORD), NO)
expect_partial(one, one.ask() and one.respond(CODE), ["publickey"])
expect(one, one.prove(KEY), YES)
END
use '[]' '{"keys": true, "secret": "123456", "verdict": "partial"}' '["totp", "users"]'
reload
attempt <<'END'
one = login()
expect(one, one.offer(KEY), USERAUTH_PK_OK)  # the key will do, though more is wanted
expect_partial(one, one.prove(KEY), ["password", "keyboard-interactive"])
expect_partial(one, one.password(CODE), ["keyboard-interactive"])
expect_partial(one, one.ask() and one.respond(CODE), [])
expect(one, one.prove(OTHER), NO)
expect(one, one.password(PASSWORD), NO)
END
# A plugin says which methods a user has, when asked about "none" or with any refusal (AUTH-07).
use '[]' '{"secret": "123456", "methods": 8}' '["totp"]'
reload
attempt <<'END'
one = login()
expect(one, one.none(), NO, ["publickey", "password", "keyboard-interactive"])
expect(one, one.password("wrong"), NO, ["keyboard-interactive"])
expect(one, one.password(CODE), NO, ["keyboard-interactive"])
expect(one, one.ask() and one.respond(CODE), YES)
END
# Users who need no proof have none of the factors either.
use '[["password"]]' '{"none": true}'
reload
attempt <<'END'
one = login()
expect(one, one.none(), NO, ["password"])
expect(one, one.password(PASSWORD), YES)
END

# What nobody can pass is told at the start.
use '[["publickey"], ["keyboard-interactive:users"]]'
expect_failure reload
wait_log '/auth_require/1/0.*no plugin instance'
